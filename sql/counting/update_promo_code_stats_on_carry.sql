-- What is carried forward counts, whoever writes it, as a restore of the data does. Archiving does not count it: there it takes the
-- place of rows. A code that comes later is recounted then; its campaign may be there already.
CREATE OR REPLACE FUNCTION :"library".update_promo_code_stats_on_carry()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  codes :code_id_type[];
  uses_of bigint[];
  bonus_of numeric[];
BEGIN
  IF :is_archiving() THEN
    RETURN NULL;
  END IF;
  SELECT pg_catalog.array_agg(n.promo_code_id ORDER BY n.promo_code_id), pg_catalog.array_agg(n.uses ORDER BY n.promo_code_id),
         pg_catalog.array_agg(n.bonus ORDER BY n.promo_code_id)
    INTO codes, uses_of, bonus_of
    FROM new_carried AS n;
  PERFORM :"library".apply_promo_code_stats(a.code, a.uses, a.bonus)
     FROM (SELECT w.code, w.uses, w.bonus
             FROM ROWS FROM (pg_catalog.unnest(codes), pg_catalog.unnest(uses_of), pg_catalog.unnest(bonus_of)) AS w(code, uses, bonus)
             JOIN :"codes" AS c ON c.:"code_id" = w.code
            ORDER BY w.code) AS a;
  :add_to_campaigns(codes, uses_of, bonus_of);
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".update_promo_code_stats_on_carry() FROM PUBLIC;
