CREATE OR REPLACE FUNCTION :"library".update_promo_code_stats_on_insert()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  first_code :code_id_type;
  last_code :code_id_type;
  uses bigint;
  bonus numeric;
  /*if updated_at*/
  stamp :"codes".:"updated_at"%TYPE := now();
  /*fi*/
  marker text;
  earlier text;
  is_counted boolean;
  codes :code_id_type[];
  uses_of bigint[];
  bonus_of numeric[];
  counted_codes :code_id_type[];
  campaign_id bigint;
  by_row text;
BEGIN
  IF TG_LEVEL = 'ROW' THEN
    :note_partition()
    /*if not deleted*/
    IF NOT :counts(NEW) THEN
      RETURN NULL;
    END IF;
    /*fi*/
    PERFORM :"library".apply_promo_code_stats(
      NEW.:"promo_code_id":::code_id_type, 1::bigint, coalesce(NEW.:"bonus_amount"::numeric, 0::numeric));
    :add_to_campaign(NEW.:"promo_code_id", 1::bigint, coalesce(NEW.:"bonus_amount"::numeric, 0::numeric));
    RETURN NULL;
  END IF;

  :leave_detached()
  by_row := :by_row();
  SELECT :first_code(n), :last_code(n), count(*), coalesce(sum(n.:"bonus_amount"::numeric), 0::numeric)
    INTO first_code, last_code, uses, bonus
    FROM new_uses AS n
   WHERE n.:"promo_code_id" IS NOT NULL AND :counts(n);

  IF first_code IS NULL THEN
    RETURN NULL;
  END IF;

  /*if updated_at*/
  :set_stamp()
  /*fi*/
  -- What is plain adding is done here: it spares every insert the call of a function. Everything else is left to
  -- apply_promo_code_stats.
  earlier := coalesce(current_setting('pg_promo_codes.counting', true), '');

  -- One code is the usual case, for big statements as well, and needs no sort.
  IF first_code = last_code AND by_row IS NULL THEN
    marker := set_config('pg_promo_codes.counting', 'on', true);
    UPDATE :"codes" AS c
       SET :added(uses, bonus)
     WHERE c.:"code_id" = first_code AND :may_be_added(c, bonus);
    is_counted := FOUND;
    marker := set_config('pg_promo_codes.counting', earlier, true);
    IF NOT is_counted THEN
      PERFORM :"library".apply_promo_code_stats(first_code, uses, bonus);
    END IF;
    :add_to_campaign(first_code, uses, bonus);
    RETURN NULL;
  END IF;

  -- What takes any type is named with its schema: one that a host has for this very type would come first otherwise.
  -- Arrays, because a plan that was made for another size of new_uses might read all codes.
  SELECT pg_catalog.array_agg(g.code ORDER BY g.code), pg_catalog.array_agg(g.uses ORDER BY g.code),
         pg_catalog.array_agg(g.bonus ORDER BY g.code)
    INTO codes, uses_of, bonus_of
    FROM (SELECT n.:"promo_code_id" AS code, count(*) AS uses, coalesce(sum(n.:"bonus_amount"::numeric), 0::numeric) AS bonus
            FROM new_uses AS n
           WHERE n.:"promo_code_id" IS NOT NULL AND :counts(n) AND :is_by_statement(n)
           GROUP BY n.:"promo_code_id") AS g;
  IF codes IS NULL THEN
    RETURN NULL;
  END IF;
  -- Locked in id order, so that two statements over the same codes queue up instead of deadlocking, and then counted by one
  -- statement, whose snapshot is newer than the locks.
  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = ANY (codes) ORDER BY c.:"code_id" FOR NO KEY UPDATE;
  marker := set_config('pg_promo_codes.counting', 'on', true);
  WITH counted AS (
    UPDATE :"codes" AS c
       SET :added(a.uses, a.bonus)
      FROM ROWS FROM (pg_catalog.unnest(codes), pg_catalog.unnest(uses_of), pg_catalog.unnest(bonus_of)) AS a(id, uses, bonus)
     WHERE c.:"code_id" = a.id AND :may_be_added(c, a.bonus)
    RETURNING c.:"code_id" AS id
  )
  SELECT pg_catalog.array_agg(done.id) INTO counted_codes FROM counted AS done;
  marker := set_config('pg_promo_codes.counting', earlier, true);

  IF pg_catalog.cardinality(counted_codes) IS DISTINCT FROM pg_catalog.cardinality(codes) THEN
    FOR place IN 1 .. pg_catalog.cardinality(codes)
    LOOP
      IF counted_codes IS NULL OR codes[place] <> ALL (counted_codes) THEN
        PERFORM :"library".apply_promo_code_stats(codes[place], uses_of[place], bonus_of[place]);
      END IF;
    END LOOP;
  END IF;
  :add_to_campaigns(codes, uses_of, bonus_of);
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".update_promo_code_stats_on_insert() FROM PUBLIC;
