-- Whether the column of the last change holds a moment, and not a date or the time of a clock on the wall: what it makes of a
-- text with a zone shows that, also where it is of a domain. It is immutable to be computed while a statement is planned and not
-- when it runs; that the statement names the table makes it planned anew when that is altered.
CREATE OR REPLACE FUNCTION :"library".promo_code_keeps_zone(codes regclass)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  code_row :"codes"%ROWTYPE;
BEGIN
  /*if updated_at*/
  code_row.:"updated_at" := '2000-01-01 12:00:00+05'::text;
  RETURN code_row.:"updated_at"::timestamptz = '2000-01-01 07:00:00+00'::timestamptz;
  /*fi*/
  /*if not updated_at*/
  RETURN NULL;
  /*fi*/
END
$body$;

REVOKE ALL ON FUNCTION :"library".promo_code_keeps_zone(regclass) FROM PUBLIC;
