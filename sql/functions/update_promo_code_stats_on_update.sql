-- Old rows count -1 and new rows +1. What adds up to nothing (a transaction id was filled in, say) writes nothing. A hold
-- follows its use to another code; uses have an id where there are holds, of whatever type the host's ids are.
CREATE OR REPLACE FUNCTION :"schema".update_promo_code_stats_on_update()
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
  old_bonus numeric;
  codes bigint[] := '{}';
BEGIN
  IF TG_LEVEL = 'ROW' THEN
    old_bonus := CASE
      WHEN OLD.bonus_amount::numeric > '-Infinity'::numeric AND OLD.bonus_amount::numeric < 'Infinity'::numeric
      THEN OLD.bonus_amount::numeric ELSE 0::numeric END;
    bonus := coalesce(NEW.bonus_amount::numeric, 0::numeric);
    IF bonus IN ('NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric)
       AND NEW.bonus_amount = OLD.bonus_amount THEN
      bonus := old_bonus;
    END IF;

    IF NEW.promo_code_id = OLD.promo_code_id THEN
      PERFORM :"schema".apply_promo_code_stats(NEW.promo_code_id::bigint, 0::bigint, bonus - old_bonus);
    ELSIF NEW.promo_code_id < OLD.promo_code_id THEN
      PERFORM :"schema".apply_promo_code_stats(NEW.promo_code_id::bigint, 1::bigint, bonus);
      PERFORM :"schema".apply_promo_code_stats(OLD.promo_code_id::bigint, -1::bigint, -old_bonus);
    ELSE
      PERFORM :"schema".apply_promo_code_stats(OLD.promo_code_id::bigint, -1::bigint, -old_bonus);
      PERFORM :"schema".apply_promo_code_stats(NEW.promo_code_id::bigint, 1::bigint, bonus);
    END IF;
    IF NEW.promo_code_id <> OLD.promo_code_id AND to_regclass('promo_code_holds') IS NOT NULL THEN
      UPDATE :"schema".promo_code_holds AS h
         SET promo_code_id = NEW.promo_code_id
       WHERE h.promo_code_id = OLD.promo_code_id AND h.released_at IS NULL AND h.use_id::text = to_jsonb(NEW) ->> 'id';
    END IF;
    RETURN NULL;
  END IF;

  FOR code_id, uses, bonus IN
    SELECT w.code, sum(w.weight),
           -- More amounts that are not finite than before: refused. As many as before: never counted, left alone.
           CASE WHEN coalesce(sum(w.weight) FILTER (WHERE NOT w.finite), 0::numeric) > 0::numeric THEN 'NaN'::numeric
                ELSE coalesce(sum(w.weight * w.bonus) FILTER (WHERE w.finite), 0::numeric) END
      FROM (
        SELECT n.promo_code_id, 1::numeric, n.bonus_amount::numeric,
               n.bonus_amount::numeric > '-Infinity'::numeric AND n.bonus_amount::numeric < 'Infinity'::numeric
          FROM new_uses AS n
        UNION ALL
        SELECT o.promo_code_id, -1::numeric, o.bonus_amount::numeric,
               o.bonus_amount::numeric > '-Infinity'::numeric AND o.bonus_amount::numeric < 'Infinity'::numeric
          FROM old_uses AS o
      ) AS w(code, weight, bonus, finite)
     WHERE w.code IS NOT NULL
     GROUP BY w.code
     ORDER BY w.code
  LOOP
    PERFORM :"schema".apply_promo_code_stats(code_id, uses, bonus);
    codes := array_append(codes, code_id);
  END LOOP;
  -- Whoever moves a use names two codes.
  IF cardinality(codes) > 1 AND to_regclass('promo_code_holds') IS NOT NULL
     AND EXISTS (SELECT FROM :"schema".promo_code_holds AS h WHERE h.promo_code_id = ANY (codes) AND h.released_at IS NULL) THEN
    UPDATE :"schema".promo_code_holds AS h
       SET promo_code_id = n.code
      FROM (SELECT to_jsonb(n) ->> 'id' AS id, n.promo_code_id AS code FROM new_uses AS n) AS n
     WHERE h.promo_code_id = ANY (codes) AND h.released_at IS NULL AND h.use_id::text = n.id AND h.promo_code_id <> n.code;
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".update_promo_code_stats_on_update() FROM PUBLIC;
