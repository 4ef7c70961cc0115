-- use_columns(): the columns of a use that the library writes.
:"use_id", :"promo_code_id", :"customer_address"
/*if use_shop_id and code_shop_id*/ , :"use_shop_id" /*fi*/
/*if transaction_id*/ , :"transaction_id" /*fi*/
/*if base_reward*/ , :"base_reward" /*fi*/
/*if bonus_amount*/ , :"bonus_amount" /*fi*/
/*if total_reward*/ , :"total_reward" /*fi*/
/*if used_at*/ , :"used_at" /*fi*/
/*if redeemed*/ , :"rolled_back" /*fi*/
