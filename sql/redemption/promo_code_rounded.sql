-- An amount as a column of so many decimal places holds it: rounded half away from zero. 20 places or more stand for a
-- column that declares none. Without settings of its own it becomes part of the statement that calls it.
CREATE OR REPLACE FUNCTION :"library".promo_code_rounded(amount numeric, places integer)
RETURNS numeric
LANGUAGE sql
IMMUTABLE
AS $body$
-- pg-promo-codes 2
SELECT CASE WHEN places < 20 THEN round(amount, places) ELSE amount END
$body$;
