-- Sets the counters of one campaign: locked, then counted by the next statement. Each transaction that adds a use or moves a code writes
-- the campaign as well, so what that statement sees is what has been added. Answers whether the counters had to be corrected.
CREATE OR REPLACE FUNCTION :"library".recount_promo_code_campaign_stats(campaign_id bigint)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET row_security = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  corrected boolean;
  marker text;
  earlier text := coalesce(current_setting('pg_promo_codes.counting', true), '');
BEGIN
  PERFORM FROM :"library".promo_code_campaigns AS g WHERE g.id = campaign_id FOR NO KEY UPDATE;
  marker := set_config('pg_promo_codes.counting', 'on', true);
  UPDATE :"library".promo_code_campaigns AS g
     SET times_used = actual.uses, total_bonus_issued = actual.bonus, updated_at = now()
    FROM (SELECT counted.uses + carried.uses AS uses, counted.bonus + carried.bonus AS bonus
            FROM (SELECT count(*) AS uses, coalesce(sum(:finite_bonus(u)), 0::numeric) AS bonus
                    FROM :"library".promo_code_campaign_codes AS m
                    JOIN :"uses" AS u ON u.:"promo_code_id" = m.promo_code_id
                   WHERE m.campaign_id = campaign_id AND :counts(u)) AS counted
           CROSS JOIN :carried_by_campaign(campaign_id) AS carried) AS actual
   WHERE g.id = campaign_id AND (g.times_used <> actual.uses OR g.total_bonus_issued <> actual.bonus);
  corrected := FOUND;
  marker := set_config('pg_promo_codes.counting', earlier, true);
  RETURN corrected;
END
$body$;

REVOKE ALL ON FUNCTION :"library".recount_promo_code_campaign_stats(bigint) FROM PUBLIC;
