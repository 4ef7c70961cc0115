-- Before anything is written: whether the host's tables are there, and whether something of the host's own stands where an
-- object of this library would. Functions of an earlier revision are removed here, since neither what a function answers nor
-- what its parameters are called can be replaced. The schema comes as a setting, because psql does not look inside a DO block.
DO $body$
DECLARE
  revision constant integer := 2;
  target text := pg_catalog.current_setting('pg_promo_codes.schema');
  mark constant text := E'^\\s*-- pg-promo-codes ([0-9]+)$';
  -- As in inspect.sql: nothing but the counting of the seed.
  clutter constant text := E'--[^\n]*|("([^"]|"")+"|[[:alnum:]_]+)[[:space:]]*[.][[:space:]]*(?="?promo_codes[[:>:]])|"';
  counting constant text := '^[[:space:]]*begin[[:space:]]+update[[:space:]]+promo_codes[[:space:]]+set[[:space:]][^;]*;[[:space:]]*return[[:space:]]+(new|old|null)[[:space:]]*;[[:space:]]*end[[:space:]]*;?[[:space:]]*$';
  other_words constant text := '[[:<:]](?!(?:begin|end|update|set|where|and|return|new|old|null|id|promo_codes|promo_code_id|bonus_amount|times_used|total_bonus_issued|updated_at|coalesce|greatest|least|now|current_timestamp)[[:>:]])[a-z_]';
  problems text;
  found record;
BEGIN
  SELECT pg_catalog.string_agg(w.path, ', ' ORDER BY w.path) INTO problems
    FROM (
      SELECT pg_catalog.format('%s.%s', target, t.name) AS path
        FROM (VALUES ('promo_codes'), ('promo_code_uses')) AS t(name)
       WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                          WHERE n.nspname = target AND c.relname = t.name AND c.relkind IN ('r', 'p'))
      UNION ALL
      SELECT pg_catalog.format('%s.%s.%s', target, c.relname, k.name)
        FROM (VALUES ('promo_codes', 'id'), ('promo_codes', 'code'), ('promo_codes', 'shop_id'), ('promo_codes', 'times_used'),
                     ('promo_codes', 'total_bonus_issued'), ('promo_codes', 'updated_at'),
                     ('promo_code_uses', 'promo_code_id'), ('promo_code_uses', 'bonus_amount')) AS k(on_table, name)
        JOIN pg_catalog.pg_class AS c ON c.relname = k.on_table AND c.relkind IN ('r', 'p')
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = target
       WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                          WHERE a.attrelid = c.oid AND a.attname = k.name AND NOT a.attisdropped)
    ) AS w;
  IF problems IS NOT NULL THEN
    RAISE EXCEPTION 'pg-promo-codes counts in tables that are not as it needs them; missing: %', problems
      USING ERRCODE = 'undefined_table',
            HINT = 'Give the schema in which they are, or run the script "schema", which creates tables where a host has none.';
  END IF;

  SELECT max((pg_catalog.regexp_match(p.prosrc, mark, 'n'))[1]::integer)::text INTO problems
    FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
   WHERE n.nspname = target AND p.proname ~ 'promo_code';
  IF problems::integer > revision THEN
    RAISE EXCEPTION 'schema % holds revision % of pg-promo-codes, and this script is of revision %', target, problems, revision;
  END IF;

  SELECT pg_catalog.string_agg(x.what, ', ' ORDER BY x.what) INTO problems
    FROM (
      SELECT pg_catalog.format('table %s', c.relname) AS what
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.nspname = target
         AND c.relname IN ('promo_code_idempotency_keys', 'promo_code_holds', 'promo_code_rate_limits')
         AND NOT coalesce(pg_catalog.obj_description(c.oid, 'pg_class') LIKE 'pg-promo-codes%', false)
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy AS p
                          WHERE p.polrelid = c.oid AND p.polname = 'promo_code_redeemers')
      UNION ALL
      SELECT pg_catalog.format('trigger %s on %s, which calls %s()', t.tgname, c.relname, p.proname)
        FROM pg_catalog.pg_trigger AS t
        JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid AND c.relname IN ('promo_codes', 'promo_code_uses')
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = target
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
       WHERE t.tgname IN ('promo_code_uses_insert_trigger', 'promo_code_uses_delete_trigger',
                          'count_promo_code_uses_on_update', 'count_promo_code_uses_on_truncate',
                          'guard_promo_code_counters_on_insert', 'guard_promo_code_counters_on_update',
                          'recount_promo_code_on_insert', 'recount_promo_code_on_update',
                          'verify_promo_code_limits_on_insert', 'verify_promo_code_limits_on_update')
         AND p.prosrc !~ ('(?n)' || mark)
         AND NOT (pg_catalog.regexp_replace(p.prosrc, clutter, ' ', 'gi') ~* counting
              AND pg_catalog.regexp_replace(p.prosrc, clutter, ' ', 'gi') !~* other_words)
         AND NOT (p.pronamespace = n.oid AND EXISTS (
               SELECT FROM pg_catalog.pg_proc AS o WHERE o.pronamespace = n.oid AND o.prosrc ~ ('(?n)' || mark)))
    ) AS x;
  IF problems IS NOT NULL THEN
    RAISE EXCEPTION 'schema % has objects of its own with names that pg-promo-codes needs, and they are not replaced: %', target, problems
      USING ERRCODE = 'duplicate_object', HINT = 'Rename each, or drop it where it only counts, then run this again.';
  END IF;

  -- Functions of the host's own, which postflight.sql finds replaced if they have a name and parameters of ours.
  PERFORM pg_catalog.set_config('pg_promo_codes.host_functions', coalesce((
    SELECT pg_catalog.string_agg(p.oid::text, ',')
      FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname = target AND p.proname ~ 'promo_code' AND p.prosrc !~ ('(?n)' || mark)
       AND NOT (pg_catalog.regexp_replace(p.prosrc, clutter, ' ', 'gi') ~* counting
            AND pg_catalog.regexp_replace(p.prosrc, clutter, ' ', 'gi') !~* other_words)
       AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_proc AS o WHERE o.pronamespace = n.oid AND o.prosrc ~ ('(?n)' || mark))), ''), true);

  FOR found IN
    SELECT p.oid::pg_catalog.regprocedure AS signature
      FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname = target AND p.proname ~ 'promo_code'
       AND p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype
       AND (pg_catalog.regexp_match(p.prosrc, mark, 'n'))[1]::integer < revision
  LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s', found.signature);
  END LOOP;
END
$body$;
