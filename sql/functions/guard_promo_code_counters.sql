-- Stands before every write to promo_codes that could leave its counters untrue. The argument is the option
-- counterWrites: 'allow', 'ignore' or 'reject'.
CREATE OR REPLACE FUNCTION :"schema".guard_promo_code_counters()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 1
DECLARE
  counter_writes text := TG_ARGV[0];
  written boolean;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    -- The library's own writes carry the marker. Unlike pg_trigger_depth() it tells them from a trigger of the host.
    IF NEW.id = OLD.id
       AND (counter_writes = 'allow' OR current_setting('pg_promo_codes.counting', true) = 'on') THEN
      RETURN NEW;
    END IF;
    written := NEW.times_used IS DISTINCT FROM OLD.times_used
            OR NEW.total_bonus_issued IS DISTINCT FROM OLD.total_bonus_issued;
  ELSE
    written := coalesce(NEW.times_used::bigint, 0::bigint) <> 0::bigint
            OR coalesce(NEW.total_bonus_issued::numeric, 0::numeric) <> 0::numeric;
  END IF;

  IF written AND counter_writes = 'reject' THEN
    RAISE EXCEPTION 'times_used and total_bonus_issued of promo_codes are kept by triggers and cannot be written (promo code %)', NEW.id
      USING ERRCODE = 'PC001', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA,
            HINT = 'Insert, update or delete rows of promo_code_uses instead; the counters follow.';
  END IF;

  IF TG_OP = 'UPDATE' AND NEW.id = OLD.id THEN
    NEW.times_used := OLD.times_used;
    NEW.total_bonus_issued := OLD.total_bonus_issued;
    RETURN NEW;
  END IF;

  IF written AND TG_OP = 'INSERT' AND counter_writes = 'allow' THEN
    NEW.times_used := coalesce(NEW.times_used, 0);
    NEW.total_bonus_issued := coalesce(NEW.total_bonus_issued, 0);
    RETURN NEW;
  END IF;

  -- A new id starts with the uses that already carry it. An immediate foreign key leaves none, and spares the count
  -- on a host that has no index for it; one with ON UPDATE CASCADE brings them along after this.
  NEW.times_used := 0;
  NEW.total_bonus_issued := 0;
  IF NOT EXISTS (
    SELECT FROM pg_constraint AS k
      JOIN pg_class AS uses ON uses.oid = k.conrelid AND uses.relname = 'promo_code_uses'
      JOIN pg_class AS codes ON codes.oid = TG_RELID AND codes.relnamespace = uses.relnamespace
     WHERE k.contype = 'f' AND k.confrelid = codes.oid AND k.convalidated AND NOT k.condeferrable
  ) THEN
    SELECT count(*),
           coalesce(sum(u.bonus_amount::numeric) FILTER (
             WHERE u.bonus_amount::numeric > '-Infinity'::numeric AND u.bonus_amount::numeric < 'Infinity'::numeric
           ), 0::numeric)
      INTO NEW.times_used, NEW.total_bonus_issued
      FROM :"schema".promo_code_uses AS u
     WHERE u.promo_code_id = NEW.id;
  END IF;
  RETURN NEW;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".guard_promo_code_counters() FROM PUBLIC;
