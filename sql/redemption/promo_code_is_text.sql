-- Whether a column, of which a value is given, takes a text as it is. Immutable, so that it is computed while a statement is
-- planned.
CREATE OR REPLACE FUNCTION :"library".promo_code_is_text(sample anyelement)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
BEGIN
  RETURN pg_catalog.pg_typeof(sample)::oid IN ('text'::regtype::oid, 'varchar'::regtype::oid);
END
$body$;
