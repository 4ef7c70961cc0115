-- What codes have counted goes along when they come into a campaign, leave it or change to another one: the uses that are there and
-- those that were archived are counted, never a counter, which might have drifted. The codes are locked in the order of their ids and before the campaigns, so
-- that no use of theirs is added meanwhile. Of a campaign that is deleted there is nothing to count, and no code is locked.
CREATE OR REPLACE FUNCTION :"library".update_promo_code_campaign_stats()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
SET row_security = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- What has changed: a code, its campaign, and whether it has come (1) or left (-1).
  codes :code_id_type[];
  campaigns bigint[];
  weights bigint[];
  marker text;
  earlier text := coalesce(current_setting('pg_promo_codes.counting', true), '');
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    marker := set_config('pg_promo_codes.counting', 'on', true);
    PERFORM FROM :"library".promo_code_campaigns AS g ORDER BY g.id FOR NO KEY UPDATE;
    UPDATE :"library".promo_code_campaigns AS g
       SET times_used = 0::bigint, total_bonus_issued = 0::numeric, updated_at = now()
     WHERE g.times_used <> 0::bigint OR g.total_bonus_issued <> 0::numeric;
    marker := set_config('pg_promo_codes.counting', earlier, true);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    -- Of campaigns that came with their ids. Whoever counts after the locks that are taken here looks for them.
    IF NOT :has_campaigns() THEN
      PERFORM pg_catalog.setval(:'campaign_ids'::regclass, greatest(max(g.id), 1::bigint)) FROM :"library".promo_code_campaigns AS g;
    END IF;
    SELECT pg_catalog.array_agg(n.promo_code_id), pg_catalog.array_agg(n.campaign_id), pg_catalog.array_agg(1::bigint)
      INTO codes, campaigns, weights
      FROM new_members AS n;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT pg_catalog.array_agg(o.promo_code_id), pg_catalog.array_agg(o.campaign_id), pg_catalog.array_agg(-1::bigint)
      INTO codes, campaigns, weights
      FROM old_members AS o
      JOIN :"library".promo_code_campaigns AS g ON g.id = o.campaign_id;
  ELSE
    SELECT pg_catalog.array_agg(w.code), pg_catalog.array_agg(w.campaign), pg_catalog.array_agg(w.weight)
      INTO codes, campaigns, weights
      FROM (SELECT b.code, b.campaign, sum(b.weight)::bigint AS weight
              FROM (SELECT n.promo_code_id, n.campaign_id, 1::bigint FROM new_members AS n
                    UNION ALL
                    SELECT o.promo_code_id, o.campaign_id, -1::bigint FROM old_members AS o) AS b(code, campaign, weight)
             GROUP BY b.code, b.campaign
            HAVING sum(b.weight) <> 0::numeric) AS w;
  END IF;
  IF codes IS NULL THEN
    RETURN NULL;
  END IF;

  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = ANY (codes) ORDER BY c.:"code_id" FOR NO KEY UPDATE;
  -- The write that changes nothing makes it visible to transactions with an older snapshot, which then fail with 40001. Nobody has one
  -- of a code that this transaction has written itself, or is about to give another id.
  marker := set_config('pg_promo_codes.counting', 'on', true);
  UPDATE :"codes" AS c
     SET /*if updated_at*/ :"updated_at" = c.:"updated_at" /*fi*/
         /*if not updated_at and times_used*/ :"times_used" = c.:"times_used" /*fi*/
         /*if not updated_at and not times_used*/ :"total_bonus_issued" = c.:"total_bonus_issued" /*fi*/
   WHERE c.:"code_id" = ANY (codes) AND c.xmin <> pg_current_xact_id()::xid
     AND current_setting('pg_promo_codes.renaming', true) IS DISTINCT FROM 'on';
  marker := set_config('pg_promo_codes.counting', earlier, true);
  -- Uses may come before the transaction that creates their code has ended: see apply_promo_code_stats.
  IF NOT :is_referencing() THEN
    PERFORM pg_advisory_xact_lock(:lock_class(), b.bucket)
       FROM (SELECT DISTINCT :code_bucket(a.code) AS bucket FROM pg_catalog.unnest(codes) AS a(code) ORDER BY 1) AS b;
  END IF;

  PERFORM :"library".apply_promo_code_campaign_stats(
            pg_catalog.array_agg(s.campaign), pg_catalog.array_agg(s.uses), pg_catalog.array_agg(s.bonus))
     FROM (SELECT w.campaign, sum(w.weight::numeric * u.uses::numeric)::bigint AS uses, sum(w.weight::numeric * u.bonus) AS bonus
             FROM ROWS FROM (pg_catalog.unnest(codes), pg_catalog.unnest(campaigns), pg_catalog.unnest(weights)) AS w(code, campaign, weight)
             JOIN (SELECT u.:"promo_code_id" AS code, count(*) AS uses, sum(:finite_bonus(u)) AS bonus
                     FROM :"uses" AS u
                    WHERE u.:"promo_code_id" = ANY (codes) AND :counts(u)
                    GROUP BY u.:"promo_code_id"
                    UNION ALL
                   SELECT k.promo_code_id, k.uses, k.bonus
                     FROM :"library".promo_code_carried_totals AS k
                    WHERE k.promo_code_id = ANY (codes)) AS u ON u.code = w.code
            GROUP BY w.campaign) AS s
   HAVING count(*) > 0::bigint;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".update_promo_code_campaign_stats() FROM PUBLIC;
