-- The bonus of one use: the one given, otherwise that of the code for the base reward, and NULL of a type that is neither. It is rounded once, to the places that
-- all columns hold which it goes into; a cap finer than these is cut down. 20 places or more stand for columns that declare
-- none: there a percentage is exact. A product is exact at any size; a division by 100 would be cut at some place and then
-- rounded once more. Without settings of its own it becomes part of the statement that calls it.
CREATE OR REPLACE FUNCTION :"library".promo_code_bonus(given numeric, is_percentage boolean, bonus_value numeric, cap numeric, base numeric, places integer)
RETURNS numeric
LANGUAGE sql
IMMUTABLE
AS $body$
-- pg-promo-codes 2
SELECT CASE WHEN given IS NOT NULL THEN given
            ELSE CASE is_percentage
                   WHEN true THEN CASE WHEN places < 20 THEN least(round(base * bonus_value * 0.01::numeric, places), trunc(cap, places))
                                       ELSE least(trim_scale(base * bonus_value * 0.01::numeric), cap) END
                   WHEN false THEN CASE WHEN places < 20 THEN round(bonus_value, places) ELSE bonus_value END END END
$body$;
