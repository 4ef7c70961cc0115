-- reserve_uses(ids): marks the uses that this transaction has made as holds, where the host has a word for it.
/*if reserved*/
UPDATE :"uses" AS u SET :"rolled_back" = CAST(:'reserved' AS :rolled_back_type)
 WHERE u.:"use_id" = ANY ($ids)
   AND EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.use_id = u.:"use_id" AND h.created_at = now())
/*fi*/
/*if not reserved*/
NULL
/*fi*/
