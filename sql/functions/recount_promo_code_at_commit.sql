-- Fires when the transaction commits, after every difference has been added: the only time at which counting the rows is
-- not in the way of a difference that is still queued.
CREATE OR REPLACE FUNCTION :"schema".recount_promo_code_at_commit()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 1
BEGIN
  IF TG_OP = 'INSERT' THEN
    -- Counters that came with the code are let, as counterWrites 'allow' says.
    IF TG_ARGV[0] = 'allow' AND (NEW.times_used::bigint <> 0::bigint OR NEW.total_bonus_issued::numeric <> 0::numeric) THEN
      RETURN NULL;
    END IF;
    -- No use can be older than its code where an immediate foreign key forbids it. That spares the count, which would
    -- read the whole table on a host without an index.
    IF EXISTS (
      SELECT FROM pg_constraint AS k
        JOIN pg_class AS uses ON uses.oid = k.conrelid AND uses.relname = 'promo_code_uses'
        JOIN pg_class AS codes ON codes.oid = k.confrelid AND codes.oid = TG_RELID AND codes.relnamespace = uses.relnamespace
        JOIN pg_attribute AS child ON child.attrelid = uses.oid AND child.attname = 'promo_code_id'
        JOIN pg_attribute AS parent ON parent.attrelid = codes.oid AND parent.attname = 'id'
       WHERE k.contype = 'f' AND k.convalidated AND NOT k.condeferrable
         AND k.conkey = ARRAY[child.attnum] AND k.confkey = ARRAY[parent.attnum]
    ) THEN
      RETURN NULL;
    END IF;
  END IF;
  PERFORM :"schema".recount_promo_code_stats(NEW.id);
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".recount_promo_code_at_commit() FROM PUBLIC;
