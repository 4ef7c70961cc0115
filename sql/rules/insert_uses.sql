-- insert_uses(id, code_id, customer, shop, transaction, base, bonus, from): records a use for each row of the rest of a
-- SELECT.
INSERT INTO :"uses" AS u (:use_columns())
OVERRIDING SYSTEM VALUE
SELECT :use_values($id, $code_id, $customer, $shop, $transaction, $base, $bonus)
$from
