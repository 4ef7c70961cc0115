-- uses_counted(code): how often a code has been used. A host without that counter has the rows, and what is carried forward.
/*if times_used*/
greatest($code.:"times_used"::bigint, 0::bigint)
/*fi*/
/*if not times_used*/
(SELECT count(*) FROM :"uses" AS counted WHERE counted.:"promo_code_id" = $code.:"code_id" AND :counts(counted))
  + :carried_uses($code.:"code_id")
/*fi*/
