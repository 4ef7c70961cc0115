-- Whether a type of bonus is a percentage; NULL for one that is neither that nor fixed, which pays nothing by guess. Types
-- are compared without case and outer spaces. Without settings of its own it becomes part of the statement that calls it.
CREATE OR REPLACE FUNCTION :"library".promo_code_is_percentage(bonus_type text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
AS $body$
-- pg-promo-codes 2
SELECT CASE lower(btrim(bonus_type) COLLATE "C") WHEN 'percentage' THEN true WHEN 'fixed' THEN false END
$body$;
