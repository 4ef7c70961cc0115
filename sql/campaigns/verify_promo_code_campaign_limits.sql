-- Refuses uses beyond a limit of their campaign, whoever wrote them (option enforceLimits). Fires after the trigger that verifies the
-- limits of codes, so that campaigns come after codes, and the counters include the new rows.
CREATE OR REPLACE FUNCTION :"library".verify_promo_code_campaign_limits()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
SET row_security = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Campaigns that gained a use, campaigns whose customers gained one, and campaigns that have more to pay than before.
  gained bigint[];
  campaigns bigint[];
  customers text[];
  paying bigint[];
  over_limit bigint;
  marker text;
  earlier text := coalesce(current_setting('pg_promo_codes.counting', true), '');
BEGIN
  IF TG_LEVEL = 'STATEMENT' THEN
    :leave_detached()
  END IF;
  IF TG_LEVEL = 'ROW' THEN
    IF NOT :counts(NEW) OR :campaign_of(NEW.:"promo_code_id") IS NULL THEN
      RETURN NULL;
    END IF;
    campaigns := ARRAY[:campaign_of(NEW.:"promo_code_id")];
    customers := ARRAY[:customer(NEW)];
    gained := campaigns;
    IF (:finite_bonus(NEW)) > 0::numeric THEN
      paying := campaigns;
    END IF;
    IF TG_OP = 'UPDATE' AND :counts(OLD) THEN
      IF :campaign_of(OLD.:"promo_code_id") = campaigns[1] THEN
        gained := NULL;
        IF (:finite_bonus(NEW)) <= (:finite_bonus(OLD)) THEN
          paying := NULL;
        END IF;
        IF :customer(NEW) = :customer(OLD) THEN
          campaigns := NULL;
        END IF;
      END IF;
    END IF;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT pg_catalog.array_agg(g.campaign), pg_catalog.array_agg(g.customer), pg_catalog.array_agg(g.campaign) FILTER (WHERE g.bonus > 0::numeric)
      INTO campaigns, customers, paying
      FROM (SELECT m.campaign_id, :customer(n), sum(:finite_bonus(n))
              FROM new_uses AS n
              JOIN :"library".promo_code_campaign_codes AS m ON m.promo_code_id = n.:"promo_code_id"
             WHERE :counts(n)
             GROUP BY 1, 2) AS g(campaign, customer, bonus);
    gained := campaigns;
  ELSE
    SELECT pg_catalog.array_agg(b.campaign) FILTER (WHERE b.of_customer > 0::numeric),
           pg_catalog.array_agg(b.customer) FILTER (WHERE b.of_customer > 0::numeric),
           pg_catalog.array_agg(b.campaign) FILTER (WHERE b.of_campaign > 0::numeric),
           pg_catalog.array_agg(b.campaign) FILTER (WHERE b.bonus > 0::numeric)
      INTO campaigns, customers, gained, paying
      FROM (SELECT w.campaign, w.customer, sum(w.weight) AS of_customer, sum(sum(w.weight)) OVER (PARTITION BY w.campaign) AS of_campaign,
                   sum(sum(w.weight * w.bonus)) OVER (PARTITION BY w.campaign) AS bonus
              FROM (SELECT m.campaign_id, :customer(n), 1::numeric, :finite_bonus(n)
                      FROM new_uses AS n
                      JOIN :"library".promo_code_campaign_codes AS m ON m.promo_code_id = n.:"promo_code_id"
                     WHERE :counts(n)
                     UNION ALL
                    SELECT m.campaign_id, :customer(o), -1::numeric, :finite_bonus(o)
                      FROM old_uses AS o
                      JOIN :"library".promo_code_campaign_codes AS m ON m.promo_code_id = o.:"promo_code_id"
                     WHERE :counts(o)) AS w(campaign, customer, weight, bonus)
             GROUP BY w.campaign, w.customer) AS b;
  END IF;
  IF campaigns IS NULL AND gained IS NULL AND paying IS NULL THEN
    RETURN NULL;
  END IF;

  -- Held already where a counter moved. A use that only changed hands has not locked its campaign yet; the write that changes nothing
  -- makes such a change visible to transactions with an older snapshot.
  PERFORM FROM :"library".promo_code_campaigns AS g WHERE g.id = ANY (campaigns) ORDER BY g.id FOR NO KEY UPDATE;
  IF TG_OP = 'UPDATE' THEN
    marker := set_config('pg_promo_codes.counting', 'on', true);
    UPDATE :"library".promo_code_campaigns AS g SET updated_at = g.updated_at WHERE g.id = ANY (campaigns);
    marker := set_config('pg_promo_codes.counting', earlier, true);
  END IF;

  SELECT g.id INTO over_limit
    FROM :"library".promo_code_campaigns AS g
   WHERE g.id = ANY (gained) AND g.times_used > g.total_usage_limit
     -- As verify_promo_code_limits does.
     AND (TG_NARGS = 0 OR (SELECT count(*)
                             FROM :"library".promo_code_campaign_codes AS m
                             JOIN :"uses" AS u ON u.:"promo_code_id" = m.promo_code_id
                            WHERE m.campaign_id = g.id AND :counts(u)) > g.total_usage_limit)
   ORDER BY g.id
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'campaign % has no use left', over_limit
      USING ERRCODE = 'PC010', TABLE = :'uses_name', SCHEMA = TG_TABLE_SCHEMA;
  END IF;

  SELECT g.id INTO over_limit
    FROM pg_catalog.unnest(campaigns) WITH ORDINALITY AS a(campaign, place)
    JOIN :"library".promo_code_campaigns AS g ON g.id = a.campaign AND g.per_customer_limit IS NOT NULL
   WHERE :campaign_customer_uses(g.id, customers[a.place], :past_limit(g.per_customer_limit), true) > g.per_customer_limit
   ORDER BY g.id
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'campaign % has no use left for this customer', over_limit
      USING ERRCODE = 'PC011', TABLE = :'uses_name', SCHEMA = TG_TABLE_SCHEMA;
  END IF;

  -- Row by row the counter does not hold yet what the statement is still to give back, and the rows do.
  SELECT g.id INTO over_limit
    FROM :"library".promo_code_campaigns AS g
   WHERE g.id = ANY (paying) AND g.total_bonus_issued > g.max_total_bonus
     AND (TG_LEVEL = 'STATEMENT' OR (TG_OP = 'INSERT' AND TG_NARGS = 0)
          OR (SELECT sum(:finite_bonus(u))
                FROM :"library".promo_code_campaign_codes AS m
                JOIN :"uses" AS u ON u.:"promo_code_id" = m.promo_code_id
               WHERE m.campaign_id = g.id AND :counts(u)) > g.max_total_bonus)
   ORDER BY g.id
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the budget of campaign % does not hold this bonus', over_limit
      USING ERRCODE = 'PC012', TABLE = :'uses_name', COLUMN = :'bonus_amount', SCHEMA = TG_TABLE_SCHEMA;
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".verify_promo_code_campaign_limits() FROM PUBLIC;
