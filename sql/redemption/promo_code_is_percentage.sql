-- Whether a type of bonus is a percentage; NULL for one that is neither that nor fixed, which pays nothing by guess. Types
-- are compared without case and outer spaces. A host without types has amounts. Without settings of its own it becomes part
-- of the statement that calls it.
CREATE OR REPLACE FUNCTION :"library".promo_code_is_percentage(bonus_type text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
AS $body$
-- pg-promo-codes 2
/*if bonus_type*/
SELECT pg_catalog.array_position(pg_catalog.array_cat(:'percentage'::text[], :'fixed'::text[]), lower(btrim(bonus_type) COLLATE "C"))
       <= pg_catalog.cardinality(:'percentage'::text[])
/*fi*/
/*if bonus_value and not bonus_type*/
SELECT false
/*fi*/
/*if not bonus_value and not bonus_type*/
SELECT NULL::boolean
/*fi*/
$body$;
