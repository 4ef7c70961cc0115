-- After an update that names the id it fires when the transaction commits, after every difference has been added: the only
-- time at which counting the rows is not in the way of a difference that is still queued.
CREATE OR REPLACE FUNCTION :"library".recount_promo_code_at_commit()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  referencing boolean := :is_referencing();
  marker text;
  earlier text := coalesce(current_setting('pg_promo_codes.counting', true), '');
BEGIN
  IF TG_OP = 'INSERT' THEN
    -- Counters that came with the code are let, as counterWrites 'allow' says. Otherwise the code asks for a recount at
    -- commit, by naming its id; only where there may be something to count, because a pending event keeps a migration from
    -- altering the table.
    IF (NOT referencing
        OR (:has_carried()
            AND EXISTS (SELECT FROM :"library".promo_code_carried_totals AS k WHERE k.promo_code_id = NEW.:"code_id")))
       AND NOT (TG_ARGV[0] = 'allow'
         AND (/*if times_used*/ NEW.:"times_used"::bigint <> 0::bigint /*fi*/
              /*if times_used and total_bonus_issued*/ OR /*fi*/
              /*if total_bonus_issued*/ NEW.:"total_bonus_issued"::numeric <> 0::numeric /*fi*/)) THEN
      marker := set_config('pg_promo_codes.counting', 'on', true);
      UPDATE :"codes" AS c SET :"code_id" = c.:"code_id" WHERE c.:"code_id" = NEW.:"code_id";
      marker := set_config('pg_promo_codes.counting', earlier, true);
    END IF;
    RETURN NULL;
  END IF;

  IF NOT referencing THEN
    -- See apply_promo_code_stats.
    PERFORM pg_advisory_xact_lock(:lock_class(), :code_bucket(NEW.:"code_id"));
  END IF;
  PERFORM :"library".recount_promo_code_stats(NEW.:"code_id");
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".recount_promo_code_at_commit() FROM PUBLIC;
