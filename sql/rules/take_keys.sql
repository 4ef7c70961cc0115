-- take_keys(shop, key, fingerprint, id, code_id, customer, from): gives a key to each row of the rest of a SELECT, where
-- nobody has it; in order, so that two callers do not wait for each other.
INSERT INTO :"library".promo_code_idempotency_keys AS e (shop_id, idempotency_key, fingerprint, use_id, promo_code_id,
                                                        customer_address, created_at)
SELECT $shop, $key, $fingerprint, $id, $code_id, $customer, now()
$from
 ORDER BY 1, 2
    ON CONFLICT DO NOTHING
