-- use_texts(): what is answered of the use u, all of it text, in the order of the columns of redeem_promo_codes_in_order.
u.id::text, u.promo_code_id::text, u.customer_address::text, u.shop_id::text, u.transaction_id::text,
u.base_reward::text, u.bonus_amount::text, u.total_reward::text, extract(epoch FROM u.used_at)::text
