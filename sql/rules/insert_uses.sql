-- insert_uses(id, code_id, customer, shop, transaction, base, bonus, from): records a use for each row of the rest of a
-- SELECT.
INSERT INTO :"uses" AS u (/*list*/
  :"use_id", :"promo_code_id", :"customer_address",
  /*if use_shop_id and code_shop_id*/ :"use_shop_id", /*fi*/
  /*if transaction_id*/ :"transaction_id", /*fi*/
  /*if base_reward*/ :"base_reward", /*fi*/
  /*if bonus_amount*/ :"bonus_amount", /*fi*/
  /*if total_reward*/ :"total_reward", /*fi*/
  /*if used_at*/ :"used_at", /*fi*/
  /*if redeemed*/ :"rolled_back", /*fi*/
  /*end*/)
OVERRIDING SYSTEM VALUE
SELECT /*list*/
  $id, $code_id, $customer,
  /*if use_shop_id and code_shop_id*/ $shop, /*fi*/
  /*if transaction_id*/ $transaction, /*fi*/
  /*if base_reward*/ $base, /*fi*/
  /*if bonus_amount*/ $bonus, /*fi*/
  /*if total_reward*/ $base + $bonus, /*fi*/
  /*if used_at*/ now(), /*fi*/
  /*if redeemed*/ CAST(:'redeemed' AS :rolled_back_type), /*fi*/
  /*end*/
$from
