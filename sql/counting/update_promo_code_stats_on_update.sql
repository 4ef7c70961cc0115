-- Old rows count -1 and new rows +1, each as far as it counts. What adds up to nothing (a transaction id was filled in, say)
-- writes nothing. A hold follows its use to another code.
CREATE OR REPLACE FUNCTION :"library".update_promo_code_stats_on_update()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  code_id :code_id_type;
  uses bigint;
  bonus numeric;
  old_bonus numeric;
  codes :code_id_type[] := '{}';
  uses_of bigint[] := '{}';
  bonus_of numeric[] := '{}';
  by_row text;
BEGIN
  IF TG_LEVEL = 'ROW' THEN
    :note_partition()
    old_bonus := CASE WHEN :counts(OLD) THEN :finite_bonus(OLD) ELSE 0::numeric END;
    bonus := CASE WHEN :counts(NEW) THEN coalesce(NEW.:"bonus_amount"::numeric, 0::numeric) ELSE 0::numeric END;
    IF bonus IN ('NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric)
       AND NEW.:"bonus_amount"::numeric = OLD.:"bonus_amount"::numeric THEN
      bonus := old_bonus;
    END IF;
    -- Two codes in the order of their ids.
    FOR code_id, uses, bonus IN
      SELECT w.code, sum(w.weight), sum(w.bonus)
        FROM (VALUES (NEW.:"promo_code_id", CASE WHEN :counts(NEW) THEN 1::numeric ELSE 0::numeric END, bonus),
                     (OLD.:"promo_code_id", CASE WHEN :counts(OLD) THEN -1::numeric ELSE 0::numeric END, -old_bonus))
               AS w(code, weight, bonus)
       WHERE w.code IS NOT NULL
       GROUP BY w.code
       ORDER BY w.code
    LOOP
      PERFORM :"library".apply_promo_code_stats(code_id, uses, bonus);
      codes := pg_catalog.array_append(codes, code_id);
      uses_of := pg_catalog.array_append(uses_of, uses);
      bonus_of := pg_catalog.array_append(bonus_of, bonus);
    END LOOP;
    :add_to_campaigns(codes, uses_of, bonus_of);
    /*if use_id*/
    IF NEW.:"promo_code_id" <> OLD.:"promo_code_id" THEN
      UPDATE :"library".promo_code_holds AS h
         SET promo_code_id = NEW.:"promo_code_id"
       WHERE h.promo_code_id = OLD.:"promo_code_id" AND h.released_at IS NULL AND h.use_id = NEW.:"use_id";
    END IF;
    /*fi*/
    RETURN NULL;
  END IF;

  :leave_detached()
  by_row := :by_row();
  FOR code_id, uses, bonus IN
    SELECT w.code, sum(w.weight),
           -- More amounts that are not finite than before: refused. As many as before: never counted, left alone.
           CASE WHEN coalesce(sum(w.weight) FILTER (WHERE NOT w.finite), 0::numeric) > 0::numeric THEN 'NaN'::numeric
                ELSE coalesce(sum(w.weight * w.bonus) FILTER (WHERE w.finite), 0::numeric) END
      FROM (
        SELECT n.:"promo_code_id", 1::numeric, n.:"bonus_amount"::numeric,
               n.:"bonus_amount"::numeric > '-Infinity'::numeric AND n.:"bonus_amount"::numeric < 'Infinity'::numeric
          FROM new_uses AS n
         WHERE :counts(n) AND :is_by_statement(n)
        UNION ALL
        SELECT o.:"promo_code_id", -1::numeric, o.:"bonus_amount"::numeric,
               o.:"bonus_amount"::numeric > '-Infinity'::numeric AND o.:"bonus_amount"::numeric < 'Infinity'::numeric
          FROM old_uses AS o
         WHERE :counts(o) AND :is_by_statement(o)
      ) AS w(code, weight, bonus, finite)
     WHERE w.code IS NOT NULL
     GROUP BY w.code
     ORDER BY w.code
  LOOP
    PERFORM :"library".apply_promo_code_stats(code_id, uses, bonus);
    codes := pg_catalog.array_append(codes, code_id);
    uses_of := pg_catalog.array_append(uses_of, uses);
    bonus_of := pg_catalog.array_append(bonus_of, bonus);
  END LOOP;
  :add_to_campaigns(codes, uses_of, bonus_of);
  /*if use_id*/
  -- Whoever moves a use names two codes, of which a row trigger may have counted one.
  IF by_row IS NOT NULL OR (pg_catalog.cardinality(codes) > 1
     AND EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.promo_code_id = ANY (codes) AND h.released_at IS NULL)) THEN
    UPDATE :"library".promo_code_holds AS h
       SET promo_code_id = n.:"promo_code_id"
      FROM new_uses AS n
     WHERE (by_row IS NOT NULL OR h.promo_code_id = ANY (codes)) AND h.released_at IS NULL AND h.use_id = n.:"use_id"
       AND h.promo_code_id <> n.:"promo_code_id";
  END IF;
  /*fi*/
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".update_promo_code_stats_on_update() FROM PUBLIC;
