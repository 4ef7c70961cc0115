-- The only way to set a counter to an absolute value: lock the code, then count in the next statement, which sees
-- every use that was committed before the lock was granted. One statement that does both would count with a snapshot
-- from before its wait. Answers whether the counters had to be corrected. Row-level security that hides rows from the
-- owner of the function is an error here (row_security = off), not a wrong count.
CREATE OR REPLACE FUNCTION :"library".recount_promo_code_stats(code_id :code_id_type)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET row_security = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  /*if updated_at*/
  stamp :"codes".:"updated_at"%TYPE := now();
  /*fi*/
  actual_uses bigint;
  actual_bonus numeric;
  corrected boolean;
  marker text;
  earlier text := coalesce(current_setting('pg_promo_codes.counting', true), '');
BEGIN
  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = code_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;

  SELECT count(*) + :carried_uses(code_id), coalesce(sum(:finite_bonus(u)), 0::numeric) + :carried_bonus(code_id)
    INTO actual_uses, actual_bonus
    FROM :"uses" AS u
   WHERE u.:"promo_code_id" = code_id AND :counts(u);
  IF actual_bonus < 0::numeric THEN
    RAISE EXCEPTION 'the uses of promo code % add up to a bonus below zero (%)', code_id, actual_bonus
      USING ERRCODE = 'PC004', TABLE = :'uses_name', COLUMN = :'bonus_amount';
  END IF;

  /*if updated_at*/
  :set_stamp()
  /*fi*/
  marker := set_config('pg_promo_codes.counting', 'on', true);
  UPDATE :"codes" AS c
     SET /*list*/
         /*if times_used*/
         :"times_used" = actual_uses,
         /*fi*/
         /*if total_bonus_issued*/
         :"total_bonus_issued" = actual_bonus,
         /*fi*/
         /*if updated_at*/
         :"updated_at" = stamp,
         /*fi*/
         /*end*/
   WHERE c.:"code_id" = code_id AND :differs(c, actual_uses, actual_bonus);
  corrected := FOUND;
  marker := set_config('pg_promo_codes.counting', earlier, true);

  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = code_id AND NOT :differs(c, actual_uses, actual_bonus);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the counters of promo code % could not be set to % uses and a bonus of %',
      code_id, actual_uses, actual_bonus
      USING ERRCODE = 'PC005', TABLE = :'codes_name',
            HINT = 'A trigger or rule on the table suppresses the update, or total_bonus_issued holds too few decimal places.';
  END IF;
  RETURN corrected;
END
$body$;

REVOKE ALL ON FUNCTION :"library".recount_promo_code_stats(:code_id_type) FROM PUBLIC;
