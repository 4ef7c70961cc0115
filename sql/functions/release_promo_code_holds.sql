-- Gives back what expired holds of one code take up, the longest expired first. The caller holds the lock on the code.
CREATE OR REPLACE FUNCTION :"schema".release_promo_code_holds(code_id bigint, at_most integer)
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
  due bigint[];
  released integer := 0;
BEGIN
  SELECT array_agg(d.use_id) INTO due
    FROM (SELECT h.use_id
            FROM :"schema".promo_code_holds AS h
           WHERE h.promo_code_id = code_id AND h.released_at IS NULL AND h.expires_at <= clock_timestamp()
           ORDER BY h.expires_at
           LIMIT at_most) AS d;
  IF due IS NULL THEN
    RETURN 0;
  END IF;
  UPDATE :"schema".promo_code_holds AS h
     SET released_at = now(), released_as = 'expired'
   WHERE h.use_id = ANY (due);
  DELETE FROM :"schema".promo_code_uses AS u WHERE u.id = ANY (due) AND u.promo_code_id = code_id;
  GET DIAGNOSTICS released = ROW_COUNT;
  RETURN released;
END
$body$;
