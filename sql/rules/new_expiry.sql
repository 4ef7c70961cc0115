-- new_expiry(): when the hold of the use u expires that this transaction made with it.
(SELECT extract(epoch FROM h.expires_at)::text
   FROM :"schema".promo_code_holds AS h
  WHERE h.use_id = u.id AND h.created_at = now())
