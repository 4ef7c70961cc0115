-- After an update it fires when the transaction commits, after every difference has been added: the only time at which
-- counting the rows is not in the way of a difference that is still queued. After an insert it fires with the statement.
CREATE OR REPLACE FUNCTION :"schema".recount_promo_code_at_commit()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 1
DECLARE
  uses_table oid;
  uses_code smallint;
  indexed boolean;
  referencing boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    -- Counters that came with the code are let, as counterWrites 'allow' says.
    IF TG_ARGV[0] = 'allow' AND (NEW.times_used::bigint <> 0::bigint OR NEW.total_bonus_issued::numeric <> 0::numeric) THEN
      RETURN NULL;
    END IF;

    SELECT u.oid, a.attnum
      INTO uses_table, uses_code
      FROM pg_class AS c
      JOIN pg_class AS u ON u.relnamespace = c.relnamespace AND u.relname = 'promo_code_uses'
      JOIN pg_attribute AS a ON a.attrelid = u.oid AND a.attname = 'promo_code_id'
     WHERE c.oid = TG_RELID;
    indexed := EXISTS (
      SELECT FROM pg_index AS i WHERE i.indrelid = uses_table AND i.indkey[0] = uses_code AND i.indisvalid);
    referencing := EXISTS (
      SELECT FROM pg_constraint AS k
        JOIN pg_attribute AS a ON a.attrelid = TG_RELID AND a.attname = 'id'
       WHERE k.conrelid = uses_table AND k.confrelid = TG_RELID AND k.contype = 'f'
         AND k.convalidated AND NOT k.condeferrable
         AND k.conkey = ARRAY[uses_code] AND k.confkey = ARRAY[a.attnum]);
    IF referencing THEN
      -- An immediate foreign key leaves next to no way for a use to be there before its code: worth a look into an index,
      -- but not a scan of the whole table for every new code.
      IF NOT indexed THEN
        RETURN NULL;
      END IF;
      PERFORM FROM :"schema".promo_code_uses AS u WHERE u.promo_code_id = NEW.id;
      IF NOT FOUND THEN
        RETURN NULL;
      END IF;
    ELSE
      -- See apply_promo_code_stats.
      PERFORM pg_advisory_xact_lock(1886544227, (NEW.id::bigint % 256::bigint)::integer);
    END IF;
  END IF;
  PERFORM :"schema".recount_promo_code_stats(NEW.id);
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".recount_promo_code_at_commit() FROM PUBLIC;
