-- What tells whether two requests with the same idempotency key ask for the same. Numbers are compared by value. A request
-- without a bonus or columns of its own has the fingerprint that it always had.
CREATE OR REPLACE FUNCTION :"library".promo_code_fingerprint(code text, customer text, base numeric, bonus numeric, transaction text, hold_seconds integer, columns jsonb)
RETURNS bytea
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  RETURN sha256(convert_to(
    CASE WHEN columns IS NOT NULL
         THEN pg_catalog.jsonb_build_array(upper(btrim(code)), customer, trim_scale(base), transaction, hold_seconds,
                                           trim_scale(bonus), columns)
         WHEN bonus IS NOT NULL
         THEN pg_catalog.jsonb_build_array(upper(btrim(code)), customer, trim_scale(base), transaction, hold_seconds,
                                           trim_scale(bonus))
         ELSE pg_catalog.jsonb_build_array(upper(btrim(code)), customer, trim_scale(base), transaction, hold_seconds)
    END::text, 'UTF8'::name));
END
$body$;
