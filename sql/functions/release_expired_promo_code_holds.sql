-- Releases expired holds of all codes, each code under its lock and in the order of ids, and forgets holds that were
-- released long ago.
CREATE OR REPLACE FUNCTION :"schema".release_expired_promo_code_holds(at_most integer)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  codes bigint[];
  code_id bigint;
  released integer := 0;
BEGIN
  SELECT array_agg(DISTINCT d.promo_code_id ORDER BY d.promo_code_id) INTO codes
    FROM (SELECT h.promo_code_id
            FROM :"schema".promo_code_holds AS h
           WHERE h.released_at IS NULL AND h.expires_at <= clock_timestamp()
           ORDER BY h.expires_at
           LIMIT at_most) AS d;
  FOREACH code_id IN ARRAY coalesce(codes, '{}'::bigint[])
  LOOP
    EXIT WHEN released >= at_most;
    PERFORM FROM :"schema".promo_codes AS c WHERE c.id = code_id FOR NO KEY UPDATE;
    released := released + :"schema".release_promo_code_holds(code_id, at_most - released);
  END LOOP;

  -- A confirmation that comes later than this is answered like one of an unknown use.
  DELETE FROM :"schema".promo_code_holds AS h
   WHERE h.use_id = ANY (ARRAY(
           SELECT o.use_id FROM :"schema".promo_code_holds AS o
            WHERE o.released_at IS NOT NULL AND o.released_at < now() - interval '90 days'
            ORDER BY o.released_at
            LIMIT at_most));
  RETURN released;
END
$body$;
