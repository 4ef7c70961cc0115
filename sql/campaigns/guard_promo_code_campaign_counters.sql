-- Stands before every write to campaigns that could leave their counters untrue, as guard_promo_code_counters does for codes. A new
-- campaign has no codes, so it starts at zero. It runs with the rights of its caller, to know which these are: whoever redeems may write
-- campaigns, and the marker of the library is no secret.
CREATE OR REPLACE FUNCTION :"library".guard_promo_code_campaign_counters()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  counter_writes text := :'counter_writes';
  uses_before bigint := 0;
  bonus_before numeric := 0;
  statement text;
  marker text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    uses_before := OLD.times_used;
    bonus_before := OLD.total_bonus_issued;
  END IF;
  IF NEW.times_used = uses_before AND NEW.total_bonus_issued = bonus_before THEN
    RETURN NEW;
  END IF;
  IF counter_writes = 'allow' OR current_setting('pg_promo_codes.counting', true) = 'on' THEN
    IF NOT has_table_privilege(:'codes'::regclass::oid, 'UPDATE'::text) THEN
      RAISE EXCEPTION 'permission denied for the counters of %', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
    RETURN NEW;
  END IF;
  IF counter_writes = 'reject' THEN
    RAISE EXCEPTION 'times_used and total_bonus_issued of % are kept by triggers and cannot be written (campaign %)', TG_TABLE_NAME, NEW.id
      USING ERRCODE = 'PC001', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA,
            HINT = pg_catalog.format('Insert, update or delete rows of %s instead; the counters follow.', :'uses_name');
  END IF;
  -- One warning for a statement of the client.
  statement := extract(epoch FROM statement_timestamp())::text;
  IF statement IS DISTINCT FROM current_setting('pg_promo_codes.warned', true) THEN
    marker := set_config('pg_promo_codes.warned', statement, true);
    RAISE WARNING USING
      MESSAGE = pg_catalog.format('what this statement writes to times_used and total_bonus_issued of %s is ignored: campaign %s keeps %s '
                                  'and %s, as triggers have counted them', TG_TABLE_NAME, NEW.id, uses_before, bonus_before),
      HINT = 'Remove the code that writes these columns, or choose another counterWrites with installTriggers(): '
          || '"allow" lets it write, "reject" makes it an error. A counter that has drifted is corrected by repairDrift().',
      TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
  END IF;
  NEW.times_used := uses_before;
  NEW.total_bonus_issued := bonus_before;
  RETURN NEW;
END
$body$;

REVOKE ALL ON FUNCTION :"library".guard_promo_code_campaign_counters() FROM PUBLIC;
