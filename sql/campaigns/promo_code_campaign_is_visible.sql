-- Whether the current role may see a campaign: where row-level security holds for the codes, one of whose shop or of whose codes it
-- sees a code.
CREATE OR REPLACE FUNCTION :"library".promo_code_campaign_is_visible(of_campaign bigint, shop text)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  RETURN NOT row_security_active(:'codes'::regclass::oid)
      OR EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_shop_id"::text = shop)
      OR EXISTS (SELECT FROM :"library".promo_code_campaign_codes AS m
                   JOIN :"codes" AS c ON c.:"code_id" = m.promo_code_id
                  WHERE m.campaign_id = of_campaign);
END
$body$;
