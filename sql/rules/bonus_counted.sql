-- bonus_counted(code): what a code has issued. A host without that counter has the rows, and what is carried
-- forward.
/*if total_bonus_issued*/
$code.:"total_bonus_issued"
/*fi*/
/*if not total_bonus_issued*/
coalesce((SELECT sum(counted.:"bonus_amount"::numeric) FROM :"uses" AS counted
           WHERE counted.:"promo_code_id" = $code.:"code_id" AND :counts(counted)), 0::numeric)
  + :carried_bonus($code.:"code_id")
/*fi*/
