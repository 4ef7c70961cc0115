-- What tells whether two requests with the same idempotency key ask for the same. Numbers are compared by value.
CREATE OR REPLACE FUNCTION :"schema".promo_code_fingerprint(code text, customer text, base numeric, transaction text, hold_seconds integer)
RETURNS bytea
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  RETURN sha256(convert_to(jsonb_build_array(upper(btrim(code)), customer, trim_scale(base), transaction, hold_seconds)::text,
                           'UTF8'));
END
$body$;
