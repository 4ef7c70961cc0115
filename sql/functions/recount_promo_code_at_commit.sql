-- After an update that names the id it fires when the transaction commits, after every difference has been added: the only
-- time at which counting the rows is not in the way of a difference that is still queued.
CREATE OR REPLACE FUNCTION :"schema".recount_promo_code_at_commit()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  referencing boolean;
  marker text;
  earlier text := coalesce(current_setting('pg_promo_codes.counting', true), '');
BEGIN
  -- Whether an immediate foreign key sees to it that no use is older than its code.
  referencing := EXISTS (
    SELECT FROM pg_class AS codes
      JOIN pg_class AS uses ON uses.relnamespace = codes.relnamespace AND uses.relname = 'promo_code_uses'
      JOIN pg_attribute AS child ON child.attrelid = uses.oid AND child.attname = 'promo_code_id'
      JOIN pg_attribute AS parent ON parent.attrelid = codes.oid AND parent.attname = 'id'
      JOIN pg_constraint AS k ON k.conrelid = uses.oid AND k.confrelid = codes.oid AND k.contype = 'f'
     WHERE codes.oid = TG_RELID AND k.convalidated AND NOT k.condeferrable
       AND k.conkey = ARRAY[child.attnum] AND k.confkey = ARRAY[parent.attnum]);

  IF TG_OP = 'INSERT' THEN
    -- Counters that came with the code are let, as counterWrites 'allow' says. Otherwise the code asks for a recount at
    -- commit, by naming its id; only where there may be something to count, because a pending event keeps a migration from
    -- altering the table.
    IF NOT referencing AND NOT (TG_ARGV[0] = 'allow'
         AND (NEW.times_used::bigint <> 0::bigint OR NEW.total_bonus_issued::numeric <> 0::numeric)) THEN
      marker := set_config('pg_promo_codes.counting', 'on', true);
      UPDATE :"schema".promo_codes AS c SET id = c.id WHERE c.id = NEW.id;
      marker := set_config('pg_promo_codes.counting', earlier, true);
    END IF;
    RETURN NULL;
  END IF;

  IF NOT referencing THEN
    -- See apply_promo_code_stats.
    PERFORM pg_advisory_xact_lock(1886544227, (NEW.id::bigint % 256::bigint)::integer);
  END IF;
  PERFORM :"schema".recount_promo_code_stats(NEW.id);
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".recount_promo_code_at_commit() FROM PUBLIC;
