-- history_columns(): begins the statement that records what happened to uses; a SELECT follows. The first five columns say what
-- happened, the others of which use, see history_values.
INSERT INTO :"library".promo_code_history AS h (kind, before, after, former_promo_code_id, former_customer_address,
                                               use_id, promo_code_id, shop_id, customer_address, transaction_id, reason, actor, at)
