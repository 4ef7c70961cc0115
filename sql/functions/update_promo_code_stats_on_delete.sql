CREATE OR REPLACE FUNCTION :"schema".update_promo_code_stats_on_delete()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  code_id bigint;
  uses bigint;
  bonus numeric;
BEGIN
  -- An amount that is not finite can only date from a time without these triggers: it was never counted.
  IF TG_LEVEL = 'ROW' THEN
    bonus := CASE
      WHEN OLD.bonus_amount::numeric > '-Infinity'::numeric AND OLD.bonus_amount::numeric < 'Infinity'::numeric
      THEN OLD.bonus_amount::numeric ELSE 0::numeric END;
    PERFORM :"schema".apply_promo_code_stats(OLD.promo_code_id::bigint, -1::bigint, -bonus);
    RETURN NULL;
  END IF;

  FOR code_id, uses, bonus IN
    SELECT o.promo_code_id, count(*),
           coalesce(sum(o.bonus_amount::numeric) FILTER (
             WHERE o.bonus_amount::numeric > '-Infinity'::numeric AND o.bonus_amount::numeric < 'Infinity'::numeric
           ), 0::numeric)
      FROM old_uses AS o
     WHERE o.promo_code_id IS NOT NULL
     GROUP BY o.promo_code_id
     ORDER BY o.promo_code_id
  LOOP
    PERFORM :"schema".apply_promo_code_stats(code_id, -uses, -bonus);
  END LOOP;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".update_promo_code_stats_on_delete() FROM PUBLIC;
