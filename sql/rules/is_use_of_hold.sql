-- is_use_of_hold(): whether the use u is that of the hold h.
(u.id = h.use_id AND :is_use_of(h.promo_code_id, h.customer_address, h.created_at))
