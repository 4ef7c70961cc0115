-- is_archivable(before): whether the use u may be archived: it is older, and it is not a hold that is still open.
(u.:"used_at"::timestamptz < $before AND NOT :is_reserved(u)
 /*if use_id*/
 AND NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.use_id = u.:"use_id" AND h.released_at IS NULL)
 /*fi*/)
