-- A use that is gone counts no more, if it counted. What is archived is carried forward instead, and the counters stay.
CREATE OR REPLACE FUNCTION :"library".update_promo_code_stats_on_delete()
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
  campaign_id bigint;
  codes :code_id_type[] := '{}';
  uses_of bigint[] := '{}';
  bonus_of numeric[] := '{}';
  by_row text;
BEGIN
  IF :is_archiving() THEN
    IF TG_LEVEL = 'ROW' THEN
      :note_partition()
      :carry_totals((SELECT OLD.*) AS o);
    ELSE
      :leave_detached()
      by_row := :by_row();
      :carry_totals((SELECT d.* FROM old_uses AS d WHERE :is_by_statement(d)) AS o);
    END IF;
    /*if customer_address*/
    IF current_setting('pg_promo_codes.archiving') = 'customers' THEN
      IF TG_LEVEL = 'ROW' THEN
        :carry_customers((SELECT OLD.*) AS o);
      ELSE
        :carry_customers((SELECT d.* FROM old_uses AS d WHERE :is_by_statement(d)) AS o);
      END IF;
    END IF;
    /*fi*/
    RETURN NULL;
  END IF;
  IF TG_LEVEL = 'ROW' THEN
    :note_partition()
    /*if not deleted*/
    IF NOT :counts(OLD) THEN
      RETURN NULL;
    END IF;
    /*fi*/
    PERFORM :"library".apply_promo_code_stats(OLD.:"promo_code_id":::code_id_type, -1::bigint, -(:finite_bonus(OLD)));
    :add_to_campaign(OLD.:"promo_code_id", -1::bigint, -(:finite_bonus(OLD)));
    RETURN NULL;
  END IF;

  :leave_detached()
  by_row := :by_row();
  FOR code_id, uses, bonus IN
    SELECT o.:"promo_code_id", count(*), coalesce(sum(:finite_bonus(o)), 0::numeric)
      FROM old_uses AS o
     WHERE o.:"promo_code_id" IS NOT NULL AND :counts(o) AND :is_by_statement(o)
     GROUP BY o.:"promo_code_id"
     ORDER BY o.:"promo_code_id"
  LOOP
    PERFORM :"library".apply_promo_code_stats(code_id, -uses, -bonus);
    codes := pg_catalog.array_append(codes, code_id);
    uses_of := pg_catalog.array_append(uses_of, -uses);
    bonus_of := pg_catalog.array_append(bonus_of, -bonus);
  END LOOP;
  :add_to_campaigns(codes, uses_of, bonus_of);
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".update_promo_code_stats_on_delete() FROM PUBLIC;
