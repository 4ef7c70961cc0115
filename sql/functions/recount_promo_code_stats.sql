-- The only way to set a counter to an absolute value: lock the code, then count in the next statement, which sees
-- every use that was committed before the lock was granted. One statement that does both would count with a snapshot
-- from before its wait. Answers whether the counters had to be corrected. Row-level security that hides rows from the
-- owner of the function is an error here (row_security = off), not a wrong count.
CREATE OR REPLACE FUNCTION :"schema".recount_promo_code_stats(code_id bigint)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET row_security = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  stamp :"schema".promo_codes.updated_at%TYPE := to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"');
  actual_uses bigint;
  actual_bonus numeric;
  corrected boolean;
  marker text;
  earlier text := coalesce(current_setting('pg_promo_codes.counting', true), '');
BEGIN
  PERFORM FROM :"schema".promo_codes AS c WHERE c.id = code_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;

  -- An amount that is not finite can only date from a time without the triggers, and counts as zero.
  SELECT count(*),
         coalesce(sum(u.bonus_amount::numeric) FILTER (
           WHERE u.bonus_amount::numeric > '-Infinity'::numeric AND u.bonus_amount::numeric < 'Infinity'::numeric
         ), 0::numeric)
    INTO actual_uses, actual_bonus
    FROM :"schema".promo_code_uses AS u
   WHERE u.promo_code_id = code_id;
  IF actual_bonus < 0::numeric THEN
    RAISE EXCEPTION 'the uses of promo code % add up to a bonus below zero (%)', code_id, actual_bonus
      USING ERRCODE = 'PC004', TABLE = 'promo_code_uses', COLUMN = 'bonus_amount';
  END IF;

  marker := set_config('pg_promo_codes.counting', 'on', true);
  UPDATE :"schema".promo_codes AS c
     SET times_used = actual_uses,
         total_bonus_issued = actual_bonus,
         updated_at = stamp
   WHERE c.id = code_id
     AND (c.times_used::bigint IS DISTINCT FROM actual_uses OR c.total_bonus_issued::numeric IS DISTINCT FROM actual_bonus);
  corrected := FOUND;
  marker := set_config('pg_promo_codes.counting', earlier, true);

  PERFORM FROM :"schema".promo_codes AS c
    WHERE c.id = code_id AND c.times_used::bigint = actual_uses AND c.total_bonus_issued::numeric = actual_bonus;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the counters of promo code % could not be set to % uses and a bonus of %',
      code_id, actual_uses, actual_bonus
      USING ERRCODE = 'PC005', TABLE = 'promo_codes',
            HINT = 'A trigger or rule on promo_codes suppresses the update, or total_bonus_issued holds too few decimal places.';
  END IF;
  RETURN corrected;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".recount_promo_code_stats(bigint) FROM PUBLIC;
