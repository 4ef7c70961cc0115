-- Before anything is written: one installation at a time, as installTriggers() has it; whether the host's tables are there,
-- whether something of somebody else's stands where an object of this library would, and what earlier versions have left.
-- Functions of an earlier revision are removed here, since neither what a function answers nor what its parameters are called
-- can be replaced.
DO $body$
DECLARE
  revision constant integer := 2;
  library constant pg_catalog.name := :'library';
  schema constant pg_catalog.name := :'schema';
  mark constant text := E'(\x3Fn)^\\s*-- pg-promo-codes ([0-9]+)\\s*$';
  -- Nothing but the counting of the seed.
  clutter constant text := E'--[^\n]*|("([^"]|"")+"|[[:alnum:]_]+)[[:space:]]*[.][[:space:]]*(\x3F="{0,1}promo_codes[[:>:]])|"';
  counting constant text := '^[[:space:]]*begin[[:space:]]+update[[:space:]]+promo_codes[[:space:]]+set[[:space:]][^;]*;[[:space:]]*return[[:space:]]+(new|old|null)[[:space:]]*;[[:space:]]*end[[:space:]]*;{0,1}[[:space:]]*$';
  other_words constant text := E'[[:<:]](\x3F!(begin|end|update|set|where|and|return|new|old|null|id|promo_codes|promo_code_id|bonus_amount|times_used|total_bonus_issued|updated_at|coalesce|greatest|least|now|current_timestamp)[[:>:]])[a-z_]';
  -- Whose objects may be relied on. A superuser has the rights of everybody, and those do not count here.
  trusted constant oid[] := ARRAY(
    SELECT r.oid
      FROM pg_catalog.pg_roles AS r
     WHERE r.rolsuper OR r.rolname = current_user
        OR EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = schema AND n.nspowner = r.oid)
        OR (pg_catalog.pg_has_role(r.oid, 'USAGE')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS me WHERE me.rolname = current_user AND me.rolsuper))
        OR NOT EXISTS (SELECT FROM (VALUES (:'codes_name'), (:'uses_name')) AS t(name)
                        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                                           WHERE n.nspname = schema AND c.relname::text = t.name
                                             AND pg_catalog.has_table_privilege(r.oid, c.oid, 'TRIGGER'))));
  problems text;
  found record;
BEGIN
  PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('pg-promo-codes:' OPERATOR(pg_catalog.||) library::text, 0::bigint));

  SELECT pg_catalog.string_agg(w.path, ', ' ORDER BY w.path) INTO problems
    FROM (
      SELECT pg_catalog.format('%s.%s', schema, t.name) AS path
        FROM (VALUES (:'codes_name'), (:'uses_name')) AS t(name)
       WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                          WHERE n.nspname = schema AND c.relname::text = t.name AND c.relkind IN ('r'::"char", 'p'::"char"))
      UNION ALL
      SELECT pg_catalog.format('%s.%s.%s', schema, c.relname, k.name)
        FROM pg_catalog.jsonb_to_recordset(:'described_columns'::jsonb) AS k(on_table text, name text)
        JOIN pg_catalog.pg_class AS c ON c.relname::text = k.on_table AND c.relkind IN ('r'::"char", 'p'::"char")
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = schema
       WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                          WHERE a.attrelid = c.oid AND a.attname::text = k.name AND NOT a.attisdropped)
    ) AS w;
  IF problems IS NOT NULL THEN
    RAISE EXCEPTION 'pg-promo-codes counts in tables that are not as it needs them; missing: %', problems
      USING ERRCODE = 'undefined_table',
            HINT = 'Describe the tables with the option tables (a column that you do not have is null), or run the script "schema", which creates tables where a host has none.';
  END IF;

  SELECT pg_catalog.string_agg(w.role, ', ' ORDER BY w.role) INTO problems
    FROM pg_catalog.unnest(:'grant_to'::text[]) AS w(role)
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname::text = w.role);
  IF problems IS NOT NULL THEN
    RAISE EXCEPTION 'roles that do not exist cannot redeem (option grantTo): %', problems USING ERRCODE = 'undefined_object';
  END IF;

  SELECT max((pg_catalog.regexp_match(p.prosrc, mark))[1]::integer)::text INTO problems
    FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
   WHERE n.nspname = library AND p.proname::text ~ 'promo_code';
  IF problems::integer > revision THEN
    RAISE EXCEPTION 'schema % holds revision % of pg-promo-codes, and this script is of revision %', library, problems, revision;
  END IF;

  -- As installTriggers() has it: a pair of tables has one installation, and an installation one pair of tables.
  SELECT pg_catalog.format('the triggers of %s.%s belong to the library in schema %s', n.nspname, c.relname, fn.nspname) INTO problems
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid AND f.prosrc ~ mark
    JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
   WHERE n.nspname = schema AND c.relname::text IN (:'codes_name', :'uses_name') AND fn.nspname NOT IN (library, schema)
   LIMIT 1;
  IF problems IS NULL THEN
    SELECT pg_catalog.format('the library in schema %s counts in %s.%s', library, n.nspname, c.relname) INTO problems
      FROM pg_catalog.pg_trigger AS t
      JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid AND f.proname = 'guard_promo_code_counters'::pg_catalog.name AND f.prosrc ~ mark
      JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace AND fn.nspname = library
     WHERE t.tgparentid = 0::oid AND NOT (n.nspname = schema AND c.relname::text = :'codes_name')
     LIMIT 1;
  END IF;
  IF problems IS NOT NULL THEN
    RAISE EXCEPTION 'pg-promo-codes is installed otherwise: %', problems
      USING ERRCODE = 'duplicate_object', HINT = 'Name the schema with the option librarySchema, or uninstall first.';
  END IF;

  WITH host AS (
    SELECT c.oid, c.relname, c.relowner, CASE WHEN c.relname::text = :'codes_name' THEN 'codes'::text ELSE 'uses'::text END AS part
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = schema AND c.relname::text IN (:'codes_name', :'uses_name')
  )
  SELECT pg_catalog.string_agg(x.what, ', ' ORDER BY x.what) INTO problems
    FROM (
      SELECT pg_catalog.format('schema %s of the role %s', n.nspname, pg_catalog.pg_get_userbyid(n.nspowner)) AS what
        FROM pg_catalog.pg_namespace AS n
       WHERE n.nspname = library AND library <> schema
         AND (NOT :trusted_owner(n.nspowner)
           OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                       WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid AND d.objid = n.oid AND d.deptype = 'e'::"char"))
      UNION ALL
      SELECT pg_catalog.format('table %s.%s of the role %s', n.nspname, c.relname, pg_catalog.pg_get_userbyid(c.relowner))
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.nspname = library
         AND c.relname::text = ANY (:'table_names'::text[])
         AND NOT (:trusted_owner(c.relowner) AND :is_own_table(c.oid))
      UNION ALL
      SELECT pg_catalog.format('function %s.%s of the role %s', n.nspname, p.proname, pg_catalog.pg_get_userbyid(p.proowner))
        FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
       WHERE n.nspname = library
         AND pg_catalog.concat(p.proname, '(', pg_catalog.replace(pg_catalog.oidvectortypes(p.proargtypes), '"', ''), ')') = ANY (:'signatures'::text[])
         AND (NOT :trusted_owner(p.proowner)
           OR (p.prosrc !~ mark
               AND NOT (pg_catalog.regexp_replace(p.prosrc, clutter, ' ', 'gi') ~* counting
                    AND pg_catalog.regexp_replace(p.prosrc, clutter, ' ', 'gi') !~* other_words)
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc AS o WHERE o.pronamespace = n.oid AND o.prosrc ~ mark)))
      UNION ALL
      SELECT pg_catalog.format('trigger %s on %s, which calls %s()', t.tgname, h.relname, p.proname)
        FROM host AS h
        JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = h.oid
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
        JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.pronamespace
       WHERE t.tgname::text = ANY (:'trigger_names'::text[]) AND p.prosrc !~ mark
         AND NOT (pn.nspname = library AND p.proname::text = ANY (:'function_names'::text[]))
         AND NOT (pg_catalog.regexp_replace(p.prosrc, clutter, ' ', 'gi') ~* counting
              AND pg_catalog.regexp_replace(p.prosrc, clutter, ' ', 'gi') !~* other_words)
    ) AS x;
  IF problems IS NOT NULL THEN
    RAISE EXCEPTION 'there are objects of others with names that pg-promo-codes needs, and they are not replaced: %', problems
      USING ERRCODE = 'duplicate_object', HINT = 'Rename each, or drop it where it only counts, then run this again.';
  END IF;

  -- What is installed may use columns that this script was not told of: with it, budgets would hold no more.
  SELECT pg_catalog.string_agg(pg_catalog.format('%s (%s)', c.value, c.key), ', ' ORDER BY c.key) INTO problems
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname = library
   CROSS JOIN LATERAL pg_catalog.json_each_text(pg_catalog.json_extract_path(
           nullif(pg_catalog.split_part(p.prosrc, '$json$', 2), '')::json, 'description', 'codes', 'columns')) AS c
   WHERE p.proname = 'promo_code_installation'::pg_catalog.name AND p.prosrc ~ mark AND c.key = ANY (:'not_described'::text[])
     AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                   JOIN pg_catalog.pg_class AS t ON t.oid = a.attrelid AND t.relname = :'codes_name'::pg_catalog.name
                   JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace AND tn.nspname = schema
                  WHERE a.attname::text = c.value AND NOT a.attisdropped);
  IF problems IS NOT NULL THEN
    RAISE EXCEPTION 'the installation uses columns that this script was not told of: %', problems
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Describe each in tables.codes.columns, or as null where it is not to be used. The script schema knows them all.';
  END IF;

  -- Keys and holds of tables that were dropped would answer for those that have their names now. What happened to their uses stays,
  -- but is not found by ids that come again.
  IF EXISTS (SELECT FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
              WHERE n.nspname = library AND p.proname = 'promo_code_installation'::pg_catalog.name AND p.prosrc ~ mark)
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
                       JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid AND c.relname::text IN (:'codes_name', :'uses_name')
                       JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = schema
                       JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid AND p.prosrc ~ mark)
  THEN
    FOR found IN
      SELECT c.relname
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.nspname = library AND c.relname::text IN ('promo_code_idempotency_keys', 'promo_code_holds')
    LOOP
      EXECUTE pg_catalog.format('DELETE FROM %I.%I', library, found.relname);
    END LOOP;
    IF pg_catalog.to_regclass(:'history') IS NOT NULL THEN
      PERFORM pg_catalog.set_config('pg_promo_codes.history', 'maintained', true);
      EXECUTE pg_catalog.format('UPDATE %I.promo_code_history SET use_id = NULL, promo_code_id = NULL, former_promo_code_id = NULL',
                                library);
      PERFORM pg_catalog.set_config('pg_promo_codes.history', '', true);
    END IF;
  END IF;

  FOR found IN
    SELECT p.oid::pg_catalog.regprocedure AS signature
      FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname = library AND p.proname::text ~ 'promo_code'
       AND p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype::oid
       AND (pg_catalog.regexp_match(p.prosrc, mark))[1]::integer < revision
  LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s', found.signature);
  END LOOP;

  -- IF NOT EXISTS would ask for the right to create a schema where there is one.
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = library) THEN
    EXECUTE pg_catalog.format('CREATE SCHEMA %I', library);
  END IF;
END
$body$;
