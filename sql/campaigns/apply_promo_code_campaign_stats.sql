-- Adds differences to the counters of campaigns, each of which stands in the arrays once: the one place that every counting trigger
-- goes through. Campaigns are locked in the order of their ids, after all codes; one that is gone counts nothing. Sums commute,
-- so a counter that another transaction of triggers has taken below zero is right in the end.
CREATE OR REPLACE FUNCTION :"library".apply_promo_code_campaign_stats(campaign_ids bigint[], uses_of bigint[], bonus_of numeric[])
RETURNS void
LANGUAGE plpgsql
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  marker text;
  earlier text := coalesce(current_setting('pg_promo_codes.counting', true), '');
BEGIN
  -- The marker tells the counter guard that this write is the library's own.
  marker := set_config('pg_promo_codes.counting', 'on', true);
  IF pg_catalog.cardinality(campaign_ids) = 1 THEN
    UPDATE :"library".promo_code_campaigns AS g
       SET times_used = g.times_used + uses_of[1], total_bonus_issued = g.total_bonus_issued + bonus_of[1], updated_at = now()
     WHERE g.id = campaign_ids[1] AND NOT (uses_of[1] = 0::bigint AND bonus_of[1] = 0::numeric);
  ELSE
    PERFORM FROM :"library".promo_code_campaigns AS g WHERE g.id = ANY (campaign_ids) ORDER BY g.id FOR NO KEY UPDATE;
    UPDATE :"library".promo_code_campaigns AS g
       SET times_used = g.times_used + s.uses, total_bonus_issued = g.total_bonus_issued + s.bonus, updated_at = now()
      FROM ROWS FROM (pg_catalog.unnest(campaign_ids), pg_catalog.unnest(uses_of), pg_catalog.unnest(bonus_of)) AS s(id, uses, bonus)
     WHERE g.id = s.id AND NOT (s.uses = 0::bigint AND s.bonus = 0::numeric);
  END IF;
  marker := set_config('pg_promo_codes.counting', earlier, true);
END
$body$;

REVOKE ALL ON FUNCTION :"library".apply_promo_code_campaign_stats(bigint[], bigint[], numeric[]) FROM PUBLIC;
