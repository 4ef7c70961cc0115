-- Fires when a transaction commits that has named the code of a membership: where that code is gone, the membership goes, and what
-- uses without a code have counted with it. A code of another shop that has its id by now is another code.
CREATE OR REPLACE FUNCTION :"library".leave_promo_code_campaign_at_commit()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  DELETE FROM :"library".promo_code_campaign_codes AS m
   WHERE m.promo_code_id = NEW.promo_code_id
     AND NOT EXISTS (SELECT FROM :"codes" AS c
                      JOIN :"library".promo_code_campaigns AS g ON g.shop_id = coalesce(c.:"code_shop_id"::text, ''::text)
                      WHERE c.:"code_id" = m.promo_code_id AND g.id = m.campaign_id);
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".leave_promo_code_campaign_at_commit() FROM PUBLIC;
