-- use_texts(): what is answered of the use u, all of it text, in the order of the columns of redeem_promo_codes_in_order. Its
-- shop is that of its code, which most hosts have in both tables.
u.:"use_id"::text, u.:"promo_code_id"::text, u.:"customer_address"::text,
/*if use_shop_id or not code_shop_id*/
u.:"use_shop_id"::text,
/*fi*/
/*if code_shop_id and not use_shop_id*/
(SELECT owner.:"code_shop_id"::text FROM :"codes" AS owner WHERE owner.:"code_id" = u.:"promo_code_id"),
/*fi*/
u.:"transaction_id"::text,
u.:"base_reward"::text, u.:"bonus_amount"::text, u.:"total_reward"::text, extract(epoch FROM u.:"used_at"::timestamptz)::text
