-- To how many decimal places a bonus is rounded: those that all columns hold which it goes into; 20 and more where they declare
-- none. What the columns make of so many places shows how many they have. It is immutable to be computed while a statement is
-- planned and not when it runs; that the statement names both tables makes it planned anew when one of them is altered.
CREATE OR REPLACE FUNCTION :"library".promo_code_places(uses regclass, codes regclass)
RETURNS integer
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  use_row :"uses"%ROWTYPE;
  code_row :"codes"%ROWTYPE;
BEGIN
  /*if bonus_amount*/
  use_row.:"bonus_amount" := 1.00000095367431640625;
  /*fi*/
  /*if total_reward*/
  use_row.:"total_reward" := 1.00000095367431640625;
  /*fi*/
  /*if total_bonus_issued*/
  code_row.:"total_bonus_issued" := 1.00000095367431640625;
  /*fi*/
  RETURN least(20
               /*if bonus_amount*/ , scale(use_row.:"bonus_amount"::numeric) /*fi*/
               /*if total_reward*/ , scale(use_row.:"total_reward"::numeric) /*fi*/
               /*if total_bonus_issued*/ , scale(code_row.:"total_bonus_issued"::numeric) /*fi*/);
END
$body$;
