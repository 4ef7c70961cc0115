-- A code that is deleted leaves its campaign when the transaction commits: until then a foreign key may still have to take its uses
-- away, and they count in the campaign as long as their code is in it. Naming the code fires that deferred trigger. What the code
-- carries forward goes with it at once.
CREATE OR REPLACE FUNCTION :"library".leave_promo_code_campaign()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  campaign_id bigint;
  uses bigint;
  bonus numeric;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM :"library".promo_code_campaign_codes AS m
     WHERE NOT EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = m.promo_code_id);
    DELETE FROM :"library".promo_code_carried_customers AS k
     WHERE NOT EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = k.promo_code_id);
    DELETE FROM :"library".promo_code_carried_totals AS k
     WHERE NOT EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = k.promo_code_id);
    RETURN NULL;
  END IF;
  campaign_id := :campaign_of(OLD.:"code_id");
  IF campaign_id IS NOT NULL THEN
    -- Before the membership, as by who deletes a campaign. Nobody who counts waits for it.
    PERFORM FROM :"library".promo_code_campaigns AS g WHERE g.id = campaign_id FOR KEY SHARE;
  END IF;
  -- A code that the same statement gave its id has brought along what it carries.
  IF :has_carried() AND NOT EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = OLD.:"code_id") THEN
    DELETE FROM :"library".promo_code_carried_customers AS k WHERE k.promo_code_id = OLD.:"code_id";
    DELETE FROM :"library".promo_code_carried_totals AS k WHERE k.promo_code_id = OLD.:"code_id"
    RETURNING k.uses, k.bonus INTO uses, bonus;
    IF FOUND AND campaign_id IS NOT NULL THEN
      PERFORM :"library".apply_promo_code_campaign_stats(ARRAY[campaign_id], ARRAY[-uses], ARRAY[-bonus]);
    END IF;
  END IF;
  IF campaign_id IS NOT NULL THEN
    UPDATE :"library".promo_code_campaign_codes AS m SET promo_code_id = m.promo_code_id WHERE m.promo_code_id = OLD.:"code_id";
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".leave_promo_code_campaign() FROM PUBLIC;
