-- Gives back what expired holds of one code take up, the longest expired first, and forgets those whose uses are gone. The
-- caller holds the lock on the code. Answers how many uses it took back.
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
  gone bigint[];
  released integer := 0;
BEGIN
  LOOP
    SELECT pg_catalog.array_agg(d.use_id) FILTER (WHERE d.has_use), pg_catalog.array_agg(d.use_id) FILTER (WHERE NOT d.has_use)
      INTO due, gone
      FROM (SELECT h.use_id, EXISTS (SELECT FROM :"schema".promo_code_uses AS u
                                      WHERE u.promo_code_id = code_id AND :is_use_of_hold()) AS has_use
              FROM :"schema".promo_code_holds AS h
             WHERE h.promo_code_id = code_id AND :hold_is_due()
             ORDER BY h.expires_at
             LIMIT at_most) AS d;
    IF gone IS NOT NULL THEN
      DELETE FROM :"schema".promo_code_holds AS h WHERE h.use_id = ANY (gone) AND h.released_at IS NULL;
    END IF;
    EXIT WHEN due IS NOT NULL OR gone IS NULL;
  END LOOP;
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
