-- A code that is deleted leaves its campaign when the transaction commits: until then a foreign key may still have to take its uses
-- away, and they count in the campaign as long as their code is in it. Naming the code fires that deferred trigger.
CREATE OR REPLACE FUNCTION :"library".leave_promo_code_campaign()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM :"library".promo_code_campaign_codes AS m
     WHERE NOT EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = m.promo_code_id);
  ELSIF :campaign_of(OLD.:"code_id") IS NOT NULL THEN
    -- Before the membership, as by who deletes a campaign. Nobody who counts waits for it.
    PERFORM FROM :"library".promo_code_campaigns AS g WHERE g.id = :campaign_of(OLD.:"code_id") FOR KEY SHARE;
    UPDATE :"library".promo_code_campaign_codes AS m SET promo_code_id = m.promo_code_id WHERE m.promo_code_id = OLD.:"code_id";
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".leave_promo_code_campaign() FROM PUBLIC;
