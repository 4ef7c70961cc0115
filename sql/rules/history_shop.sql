-- history_shop(use): the shop of a use. Where uses have none of their own it is that of the code, which a cascade has deleted
-- already; then it is known from before.
/*if use_shop_id or not code_shop_id*/
$use.:"use_shop_id"::text
/*fi*/
/*if code_shop_id and not use_shop_id*/
coalesce((SELECT owner.:"code_shop_id"::text FROM :"codes" AS owner WHERE owner.:"code_id" = $use.:"promo_code_id"),
         (SELECT earlier.shop_id FROM :"library".promo_code_history AS earlier
           WHERE earlier.promo_code_id = $use.:"promo_code_id" ORDER BY earlier.id DESC LIMIT 1))
/*fi*/
