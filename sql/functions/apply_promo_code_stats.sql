-- Adds a difference to the counters of one code: the one place that every counting trigger goes through.
CREATE OR REPLACE FUNCTION :"schema".apply_promo_code_stats(code_id bigint, uses_delta bigint, bonus_delta numeric)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 1
#variable_conflict use_variable
DECLARE
  -- The text form suits a column with and without time zone: the latter holds UTC whatever the session's zone.
  stamp :"schema".promo_codes.updated_at%TYPE := to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"');
  total numeric;
  counted boolean;
  earlier text;
BEGIN
  IF code_id IS NULL OR (uses_delta = 0::bigint AND bonus_delta = 0::numeric) THEN
    RETURN;
  END IF;
  IF bonus_delta IN ('NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric) THEN
    RAISE EXCEPTION 'bonus_amount must be a finite number (a use of promo code %)', code_id
      USING ERRCODE = 'PC004', TABLE = 'promo_code_uses', COLUMN = 'bonus_amount';
  END IF;

  -- The marker tells the counter guard that this write is the library's own.
  earlier := set_config('pg_promo_codes.counting', 'on', true);
  UPDATE :"schema".promo_codes AS c
     SET times_used = coalesce(c.times_used::bigint, 0::bigint) + uses_delta,
         total_bonus_issued = coalesce(c.total_bonus_issued::numeric, 0::numeric) + bonus_delta,
         updated_at = stamp
   WHERE c.id = code_id
     AND coalesce(c.times_used::bigint, 0::bigint) + uses_delta >= 0::bigint
     AND coalesce(c.total_bonus_issued::numeric, 0::numeric) + bonus_delta >= 0::numeric
  RETURNING c.total_bonus_issued INTO total;
  counted := FOUND;
  earlier := set_config('pg_promo_codes.counting', 'off', true);

  IF counted THEN
    IF scale(trim_scale(bonus_delta)) > scale(total) THEN
      RAISE EXCEPTION 'bonus_amount % has more decimal places than total_bonus_issued of promo code % holds (%)',
        bonus_delta, code_id, scale(total)
        USING ERRCODE = 'PC004', TABLE = 'promo_code_uses', COLUMN = 'bonus_amount';
    END IF;
    RETURN;
  END IF;

  -- Nothing was updated, so one of these holds: the code is gone (its uses are deleted with it, or the host has no
  -- foreign key); or row-level security hides it from the owner of this function, which row_security = off turns from
  -- silence into an error; or a counter would have gone below zero, so it had drifted, and the truth is counted.
  earlier := current_setting('row_security');
  PERFORM set_config('row_security', 'off', true);
  PERFORM :"schema".recount_promo_code_stats(code_id);
  PERFORM set_config('row_security', earlier, true);
END
$body$;

REVOKE ALL ON FUNCTION :"schema".apply_promo_code_stats(bigint, bigint, numeric) FROM PUBLIC;
