-- Whether the current role may see a code: what row-level security hides of the host's codes, it hides of their keys and holds.
CREATE OR REPLACE FUNCTION :"library".promo_code_is_visible(of_code :code_id_type)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  RETURN of_code IS NULL OR NOT row_security_active(:'codes'::regclass::oid)
      OR EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = of_code);
END
$body$;
