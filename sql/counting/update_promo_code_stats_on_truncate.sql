-- TRUNCATE fires no delete trigger. After the whole table was emptied every code has no uses; after one partition was,
-- what the others still hold is counted.
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
  marker text;
  earlier text := coalesce(current_setting('pg_promo_codes.counting', true), '');
BEGIN
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
     WHERE :differs(c, 0::bigint, 0::numeric)
       AND :differs(c, coalesce(actual.uses, 0::bigint), coalesce(actual.bonus, 0::numeric))
     ORDER BY c.:"code_id"
  LOOP
    PERFORM :"library".recount_promo_code_stats(code_id);
  END LOOP;

  PERFORM FROM :"library".promo_code_campaigns AS g
    WHERE g.times_used <> 0::bigint OR g.total_bonus_issued <> 0::numeric
    ORDER BY g.id
    FOR NO KEY UPDATE;
  marker := set_config('pg_promo_codes.counting', 'on', true);
  UPDATE :"library".promo_code_campaigns AS g
     SET times_used = actual.uses, total_bonus_issued = actual.bonus, updated_at = now()
    FROM (SELECT other.id, count(*) FILTER (WHERE u.code IS NOT NULL) AS uses, coalesce(sum(u.bonus), 0::numeric) AS bonus
            FROM :"library".promo_code_campaigns AS other
            LEFT JOIN :"library".promo_code_campaign_codes AS m ON m.campaign_id = other.id
            LEFT JOIN (SELECT u.:"promo_code_id" AS code, :finite_bonus(u) AS bonus FROM :"uses" AS u WHERE :counts(u)) AS u
              ON u.code = m.promo_code_id
           WHERE other.times_used <> 0::bigint OR other.total_bonus_issued <> 0::numeric
           GROUP BY other.id) AS actual
   WHERE g.id = actual.id AND (g.times_used <> actual.uses OR g.total_bonus_issued <> actual.bonus);
  marker := set_config('pg_promo_codes.counting', earlier, true);
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".update_promo_code_stats_on_truncate() FROM PUBLIC;
