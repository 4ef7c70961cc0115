-- TRUNCATE fires no delete trigger. After the whole table was emptied every code has no uses; after one partition was,
-- what the others still hold is counted.
CREATE OR REPLACE FUNCTION :"schema".update_promo_code_stats_on_truncate()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 1
DECLARE
  code_id bigint;
BEGIN
  FOR code_id IN
    SELECT c.id
      FROM :"schema".promo_codes AS c
     WHERE c.times_used::bigint IS DISTINCT FROM 0::bigint OR c.total_bonus_issued::numeric IS DISTINCT FROM 0::numeric
     ORDER BY c.id
  LOOP
    PERFORM :"schema".recount_promo_code_stats(code_id);
  END LOOP;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".update_promo_code_stats_on_truncate() FROM PUBLIC;
