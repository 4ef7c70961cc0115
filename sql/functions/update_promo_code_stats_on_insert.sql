CREATE OR REPLACE FUNCTION :"schema".update_promo_code_stats_on_insert()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  first_code bigint;
  last_code bigint;
  uses bigint;
  bonus numeric;
  -- The text form suits a column with and without time zone: the latter holds UTC whatever the session's zone.
  stamp :"schema".promo_codes.updated_at%TYPE;
  marker text;
  earlier text;
  is_counted boolean;
  codes bigint[];
  uses_of bigint[];
  bonus_of numeric[];
  places_left integer[];
  place integer;
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

  IF first_code IS NULL THEN
    RETURN NULL;
  END IF;

  -- What is plain adding is done here: it spares every insert the call of a function. Everything else is left to
  -- apply_promo_code_stats.
  stamp := to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"');
  earlier := coalesce(current_setting('pg_promo_codes.counting', true), '');

  -- One code is the usual case, for big statements as well, and needs no sort.
  IF first_code = last_code THEN
    marker := set_config('pg_promo_codes.counting', 'on', true);
    UPDATE :"schema".promo_codes AS c
       SET times_used = coalesce(c.times_used::bigint, 0::bigint) + uses,
           total_bonus_issued = coalesce(c.total_bonus_issued::numeric, 0::numeric) + bonus,
           updated_at = stamp
     WHERE c.id = first_code
       AND coalesce(c.times_used::bigint, 0::bigint) >= 0::bigint
       AND coalesce(c.total_bonus_issued::numeric, 0::numeric) >= 0::numeric
       AND bonus >= 0::numeric AND bonus < 'Infinity'::numeric
       AND scale(trim_scale(bonus)) <= scale(c.total_bonus_issued);
    is_counted := FOUND;
    marker := set_config('pg_promo_codes.counting', earlier, true);
    IF NOT is_counted THEN
      PERFORM :"schema".apply_promo_code_stats(first_code, uses, bonus);
    END IF;
    RETURN NULL;
  END IF;

  -- What takes any type is named with its schema: one that a host has for this very type would come first otherwise.
  -- Arrays, because a plan that was made for another size of new_uses might read all codes.
  SELECT pg_catalog.array_agg(n.promo_code_id ORDER BY n.promo_code_id), pg_catalog.array_agg(n.uses ORDER BY n.promo_code_id),
         pg_catalog.array_agg(n.bonus ORDER BY n.promo_code_id)
    INTO codes, uses_of, bonus_of
    FROM (SELECT n.promo_code_id, count(*) AS uses, coalesce(sum(n.bonus_amount::numeric), 0::numeric) AS bonus
            FROM new_uses AS n
           WHERE n.promo_code_id IS NOT NULL
           GROUP BY n.promo_code_id) AS n;
  -- Locked in id order, so that two statements over the same codes queue up instead of deadlocking, and then counted by one
  -- statement, whose snapshot is newer than the locks.
  PERFORM FROM :"schema".promo_codes AS c WHERE c.id = ANY (codes) ORDER BY c.id FOR NO KEY UPDATE;
  marker := set_config('pg_promo_codes.counting', 'on', true);
  WITH counted AS (
    UPDATE :"schema".promo_codes AS c
       SET times_used = coalesce(c.times_used::bigint, 0::bigint) + a.uses,
           total_bonus_issued = coalesce(c.total_bonus_issued::numeric, 0::numeric) + a.bonus,
           updated_at = stamp
      FROM ROWS FROM (pg_catalog.unnest(codes), pg_catalog.unnest(uses_of), pg_catalog.unnest(bonus_of)) AS a(id, uses, bonus)
     WHERE c.id = a.id
       AND coalesce(c.times_used::bigint, 0::bigint) >= 0::bigint
       AND coalesce(c.total_bonus_issued::numeric, 0::numeric) >= 0::numeric
       AND a.bonus >= 0::numeric AND a.bonus < 'Infinity'::numeric
       AND scale(trim_scale(a.bonus)) <= scale(c.total_bonus_issued)
    RETURNING c.id
  )
  SELECT pg_catalog.array_agg(g.n ORDER BY g.n) INTO places_left
    FROM pg_catalog.generate_subscripts(codes, 1) AS g(n)
   WHERE NOT EXISTS (SELECT FROM counted AS c WHERE c.id = codes[g.n]);
  marker := set_config('pg_promo_codes.counting', earlier, true);

  FOREACH place IN ARRAY coalesce(places_left, '{}'::integer[])
  LOOP
    PERFORM :"schema".apply_promo_code_stats(codes[place], uses_of[place], bonus_of[place]);
  END LOOP;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".update_promo_code_stats_on_insert() FROM PUBLIC;
