-- TRUNCATE fires no delete trigger. After the whole table was emptied every code has no uses but those that were archived; after one
-- partition was, what the others still hold is counted.
CREATE OR REPLACE FUNCTION :"library".update_promo_code_stats_on_truncate()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
SET row_security = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  code_id :code_id_type;
BEGIN
  :leave_detached()
  -- TRUNCATE ignores snapshots: an older one would not show the codes that others have used since.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the uses of promo codes can be truncated in a READ COMMITTED transaction only, not in %',
      upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'feature_not_supported', HINT = 'DELETE works at every isolation level.';
  END IF;

  PERFORM FROM :"codes" AS c
    WHERE :differs(c, 0::bigint, 0::numeric)
    ORDER BY c.:"code_id"
    FOR NO KEY UPDATE;
  FOR code_id IN
    SELECT c.:"code_id"
      FROM :"codes" AS c
      LEFT JOIN (
             SELECT u.:"promo_code_id" AS code, count(*) AS uses, sum(u.:"bonus_amount"::numeric) AS bonus
               FROM :"uses" AS u
              WHERE :counts(u)
              GROUP BY u.:"promo_code_id"
           ) AS actual ON actual.code = c.:"code_id"
      LEFT JOIN :"library".promo_code_carried_totals AS carried ON carried.promo_code_id = c.:"code_id"
     WHERE :differs(c, 0::bigint, 0::numeric)
       AND :differs(c, coalesce(actual.uses, 0::bigint) + coalesce(carried.uses, 0::bigint),
                    coalesce(actual.bonus, 0::numeric) + coalesce(carried.bonus, 0::numeric))
     ORDER BY c.:"code_id"
  LOOP
    PERFORM :"library".recount_promo_code_stats(code_id);
  END LOOP;

  PERFORM :"library".recount_promo_code_campaign_stats(g.id)
     FROM (SELECT g.id
             FROM :"library".promo_code_campaigns AS g
            WHERE g.times_used <> 0::bigint OR g.total_bonus_issued <> 0::numeric
            ORDER BY g.id) AS g;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".update_promo_code_stats_on_truncate() FROM PUBLIC;
