-- use_values(id, code_id, customer, shop, transaction, base, bonus): what goes into use_columns.
$id, $code_id, $customer
/*if use_shop_id and code_shop_id*/ , $shop /*fi*/
/*if transaction_id*/ , $transaction /*fi*/
/*if base_reward*/ , $base /*fi*/
/*if bonus_amount*/ , $bonus /*fi*/
/*if total_reward*/ , $base + $bonus /*fi*/
/*if used_at*/ , now() /*fi*/
/*if redeemed*/ , CAST(:'redeemed' AS :rolled_back_type) /*fi*/
