-- is_use_of_hold(): whether the use u is that of the hold h. Where holds have a word of their own, one that the host has given
-- another word is a hold no more.
(u.:"use_id" = h.use_id AND :is_use_of(h.promo_code_id, h.customer_address, h.created_at)
 /*if reserved*/ AND u.:"rolled_back"::text = :'reserved' /*fi*/)
