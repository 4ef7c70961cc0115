CREATE OR REPLACE FUNCTION :"schema".update_promo_code_stats_on_insert()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 1
DECLARE
  first_code bigint;
  last_code bigint;
  uses bigint;
  bonus numeric;
BEGIN
  IF TG_LEVEL = 'ROW' THEN
    PERFORM :"schema".apply_promo_code_stats(
      NEW.promo_code_id::bigint, 1::bigint, coalesce(NEW.bonus_amount::numeric, 0::numeric));
    RETURN NULL;
  END IF;

  SELECT min(n.promo_code_id), max(n.promo_code_id), count(*), coalesce(sum(n.bonus_amount::numeric), 0::numeric)
    INTO first_code, last_code, uses, bonus
    FROM new_uses AS n
   WHERE n.promo_code_id IS NOT NULL;

  -- One code is the usual case, for big statements as well, and needs no sort.
  IF first_code = last_code THEN
    PERFORM :"schema".apply_promo_code_stats(first_code, uses, bonus);
    RETURN NULL;
  END IF;

  -- In id order, so that two statements over the same codes queue up instead of deadlocking.
  FOR first_code, uses, bonus IN
    SELECT n.promo_code_id, count(*), coalesce(sum(n.bonus_amount::numeric), 0::numeric)
      FROM new_uses AS n
     WHERE n.promo_code_id IS NOT NULL
     GROUP BY n.promo_code_id
     ORDER BY n.promo_code_id
  LOOP
    PERFORM :"schema".apply_promo_code_stats(first_code, uses, bonus);
  END LOOP;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".update_promo_code_stats_on_insert() FROM PUBLIC;
