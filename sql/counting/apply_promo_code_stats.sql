-- Adds a difference to the counters of one code: the one place that every counting trigger goes through. It runs under the
-- search_path that they have pinned; pinning it a second time would cost a tenth of an insert.
CREATE OR REPLACE FUNCTION :"library".apply_promo_code_stats(code_id :code_id_type, uses_delta bigint, bonus_delta numeric)
RETURNS void
LANGUAGE plpgsql
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  /*if updated_at*/
  stamp :"codes".:"updated_at"%TYPE := now();
  /*fi*/
  /*if total_bonus_issued*/
  total numeric;
  /*fi*/
  counted boolean;
  marker text;
  earlier text;
BEGIN
  IF code_id IS NULL OR (uses_delta = 0::bigint AND bonus_delta = 0::numeric) THEN
    RETURN;
  END IF;
  IF bonus_delta IN ('NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric) THEN
    RAISE EXCEPTION 'bonus_amount must be a finite number (a use of promo code %)', code_id
      USING ERRCODE = 'PC004', TABLE = :'uses_name', COLUMN = :'bonus_amount';
  END IF;

  /*if updated_at*/
  :set_stamp()
  /*fi*/
  -- The marker tells the counter guard that this write is the library's own; triggers may be nested, so it is put back.
  earlier := coalesce(current_setting('pg_promo_codes.counting', true), '');
  marker := set_config('pg_promo_codes.counting', 'on', true);
  UPDATE :"codes" AS c
     SET /*list*/
         /*if times_used*/
         :"times_used" = coalesce(c.:"times_used"::bigint, 0::bigint) + uses_delta,
         /*fi*/
         /*if total_bonus_issued*/
         :"total_bonus_issued" = coalesce(c.:"total_bonus_issued"::numeric, 0::numeric) + bonus_delta,
         /*fi*/
         /*if updated_at*/
         :"updated_at" = stamp,
         /*fi*/
         /*end*/
   WHERE c.:"code_id" = code_id
     /*if times_used*/
     AND least(0::bigint, uses_delta) + coalesce(c.:"times_used"::bigint, 0::bigint) >= 0::bigint
     /*fi*/
     /*if total_bonus_issued*/
     AND least(0::numeric, bonus_delta) + coalesce(c.:"total_bonus_issued"::numeric, 0::numeric) >= 0::numeric
  RETURNING c.:"total_bonus_issued" INTO total;
     /*fi*/
     /*if not total_bonus_issued*/
  ;
     /*fi*/
  counted := FOUND;

  IF NOT counted THEN
    -- A counter would go below zero, or is there already: it had drifted, or another trigger has come before the one that adds (a trigger of
    -- the host that amends a use while it is inserted). Other differences may still be queued, so nothing is counted
    -- now; naming the id fires the deferred recount, which counts when the transaction commits and judges the amounts.
    UPDATE :"codes" AS c
       SET :"code_id" = c.:"code_id"
           /*if times_used*/
           , :"times_used" = greatest(coalesce(c.:"times_used"::bigint, 0::bigint) + uses_delta, 0::bigint)
           /*fi*/
           /*if total_bonus_issued*/
           , :"total_bonus_issued" = greatest(coalesce(c.:"total_bonus_issued"::numeric, 0::numeric) + bonus_delta, 0::numeric)
           /*fi*/
           /*if updated_at*/
           , :"updated_at" = stamp
           /*fi*/
     WHERE c.:"code_id" = code_id;
    counted := FOUND;
    /*if total_bonus_issued*/
    total := NULL;
    /*fi*/
  END IF;
  marker := set_config('pg_promo_codes.counting', earlier, true);

  IF counted THEN
    /*if total_bonus_issued*/
    IF scale(trim_scale(bonus_delta)) > scale(total) THEN
      RAISE EXCEPTION 'bonus_amount % has more decimal places than total_bonus_issued of promo code % holds (%)',
        bonus_delta, code_id, scale(total)
        USING ERRCODE = 'PC004', TABLE = :'uses_name', COLUMN = :'bonus_amount';
    END IF;
    /*fi*/
    RETURN;
  END IF;

  -- The code is gone (its uses are deleted with it, or the host has no foreign key). Or it is hidden from the owner of this
  -- function by row-level security, which row_security = off turns from silence into an error.
  earlier := current_setting('row_security');
  marker := set_config('row_security', 'off', true);
  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = code_id;
  IF FOUND THEN
    RAISE EXCEPTION 'the counters of promo code % could not be updated', code_id
      USING ERRCODE = 'PC005', TABLE = :'codes_name',
            HINT = 'A trigger or rule of the host suppresses the update.';
  END IF;
  marker := set_config('row_security', earlier, true);

  -- A use without its code. Whoever is creating that code takes the same lock, exclusively, before counting, so that one of
  -- the two sees the other. A bucket for many codes, because locks are few and a load may bring many such uses.
  PERFORM pg_advisory_xact_lock_shared(:lock_class(), :code_bucket(code_id));
  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = code_id;
  IF FOUND THEN
    PERFORM :"library".apply_promo_code_stats(code_id, uses_delta, bonus_delta);
  END IF;
END
$body$;

REVOKE ALL ON FUNCTION :"library".apply_promo_code_stats(:code_id_type, bigint, numeric) FROM PUBLIC;
