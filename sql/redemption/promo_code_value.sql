-- A text as a value of the type of a column, read as the type reads its own output. The others alone call it, and it runs
-- under their settings.
CREATE OR REPLACE FUNCTION :"library".promo_code_value(given text, as_in anyelement)
RETURNS anyelement
LANGUAGE plpgsql
IMMUTABLE
AS $body$
-- pg-promo-codes 2
BEGIN
  as_in := given;
  RETURN as_in;
END
$body$;
