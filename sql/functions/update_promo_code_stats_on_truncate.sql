-- TRUNCATE fires no delete trigger. After the whole table was emptied every code has no uses; after one partition was,
-- what the others still hold is counted.
CREATE OR REPLACE FUNCTION :"schema".update_promo_code_stats_on_truncate()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
SET row_security = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  code_id bigint;
BEGIN
  -- TRUNCATE ignores snapshots: an older one would not show the codes that others have used since.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'promo_code_uses can be truncated in a READ COMMITTED transaction only, not in %',
      upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'feature_not_supported', HINT = 'DELETE works at every isolation level.';
  END IF;

  PERFORM FROM :"schema".promo_codes AS c
    WHERE c.times_used::bigint IS DISTINCT FROM 0::bigint OR c.total_bonus_issued::numeric IS DISTINCT FROM 0::numeric
    ORDER BY c.id
    FOR NO KEY UPDATE;
  FOR code_id IN
    SELECT c.id
      FROM :"schema".promo_codes AS c
      LEFT JOIN (
             SELECT u.promo_code_id, count(*) AS uses, sum(u.bonus_amount::numeric) AS bonus
               FROM :"schema".promo_code_uses AS u
              GROUP BY u.promo_code_id
           ) AS actual ON actual.promo_code_id = c.id
     WHERE (c.times_used::bigint IS DISTINCT FROM 0::bigint OR c.total_bonus_issued::numeric IS DISTINCT FROM 0::numeric)
       AND (c.times_used::bigint IS DISTINCT FROM coalesce(actual.uses, 0::bigint)
         OR c.total_bonus_issued::numeric IS DISTINCT FROM coalesce(actual.bonus, 0::numeric))
     ORDER BY c.id
  LOOP
    PERFORM :"schema".recount_promo_code_stats(code_id);
  END LOOP;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".update_promo_code_stats_on_truncate() FROM PUBLIC;
