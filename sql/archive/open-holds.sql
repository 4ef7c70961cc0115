-- How many uses of a partition are holds that are still open.
SELECT count(*)::text AS holds
  FROM :"part_schema".:"part" AS u
 WHERE :is_reserved(u)
    /*if use_id*/
    OR EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.use_id = u.:"use_id" AND h.released_at IS NULL)
    /*fi*/;
