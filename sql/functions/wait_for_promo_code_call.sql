-- Takes the lock of an attempt, the last of call_ids, for later ones to wait for. Those before it are of earlier attempts,
-- which must have ended: they are waited for, in shared mode, so that parts of one batch that are repeated on several
-- connections do not wait for each other.
CREATE OR REPLACE FUNCTION :"schema".wait_for_promo_code_call(call_ids bigint[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  PERFORM pg_advisory_xact_lock_shared(:call_lock(earlier.id))
     FROM pg_catalog.unnest(pg_catalog.trim_array(call_ids, 1)) AS earlier(id);
  PERFORM pg_advisory_xact_lock(:call_lock(call_ids[pg_catalog.cardinality(call_ids)]));
END
$body$;
