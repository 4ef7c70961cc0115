-- How many uses the codes $1 carry forward.
SELECT coalesce(sum(k.uses), 0::numeric)::text AS uses
  FROM :"library".promo_code_carried_totals AS k
 WHERE k.promo_code_id = ANY ((SELECT $1::text:::code_id_type[]):::code_id_type[]);
