-- insert_uses(id, code_id, customer, shop, transaction, base, bonus, from): records a use for each row of the rest of a
-- SELECT.
INSERT INTO :"schema".promo_code_uses AS u (id, promo_code_id, customer_address, shop_id, transaction_id, base_reward,
                                            bonus_amount, total_reward, used_at)
OVERRIDING SYSTEM VALUE
SELECT $id, $code_id, $customer, $shop, $transaction, $base, $bonus, $base + $bonus, now()
$from
