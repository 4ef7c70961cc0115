-- Removes what the library created: its triggers, the indexes that it built, its tables and functions (also those that an earlier
-- version has left in the schema of the host), and its schema, where nothing of anybody else's is in it and this role may. Tables,
-- rows and counters of the host stay.
DO $body$
DECLARE
  is_former constant boolean := :'codes_name' = 'promo_codes' AND :'uses_name' = 'promo_code_uses';
  found record;
BEGIN
  FOR found IN
    SELECT t.tgname, n.nspname, c.relname
      FROM pg_catalog.pg_trigger AS t
      JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
     WHERE t.tgparentid = 0::oid AND f.prosrc LIKE '%-- pg-promo-codes %'
       AND (fn.nspname = :'library'::pg_catalog.name
         OR (is_former AND n.nspname = :'schema'::pg_catalog.name AND fn.nspname = n.nspname AND c.relname::text IN (:'codes_name', :'uses_name')))
  LOOP
    EXECUTE pg_catalog.format('DROP TRIGGER %I ON %I.%I', found.tgname, found.nspname, found.relname);
  END LOOP;
  FOR found IN
    SELECT n.nspname, c.relname
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
      JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
      JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace
     WHERE pg_catalog.obj_description(c.oid, 'pg_class') LIKE 'pg-promo-codes%'
       AND tn.nspname = :'schema'::pg_catalog.name AND t.relname::text IN (:'codes_name', :'uses_name')
       -- Another installation on the table needs them still.
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g JOIN pg_catalog.pg_proc AS f ON f.oid = g.tgfoid
                        WHERE g.tgrelid = t.oid AND f.prosrc LIKE '%-- pg-promo-codes %')
  LOOP
    EXECUTE pg_catalog.format('DROP INDEX %I.%I', found.nspname, found.relname);
  END LOOP;
  FOR found IN
    SELECT n.nspname, c.relname
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r'::"char", 'p'::"char")
       AND ((n.nspname = :'library'::pg_catalog.name AND pg_catalog.obj_description(c.oid, 'pg_class') LIKE 'pg-promo-codes%')
         OR (n.nspname = :'schema'::pg_catalog.name AND is_former AND :is_own_table(c.oid)
             AND c.relname::text IN ('promo_code_idempotency_keys', 'promo_code_holds', 'promo_code_rate_limits')))
     -- What refers to another table goes before it.
     ORDER BY c.relname
  LOOP
    EXECUTE pg_catalog.format('DROP TABLE %I.%I', found.nspname, found.relname);
  END LOOP;
  FOR found IN
    SELECT p.oid::pg_catalog.regprocedure AS signature
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE (n.nspname = :'library'::pg_catalog.name OR (is_former AND n.nspname = :'schema'::pg_catalog.name))
       AND p.proname::text ~ 'promo_code' AND :mark(p.prosrc) IS NOT NULL
  LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s', found.signature);
  END LOOP;
  IF EXISTS (
    SELECT FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname = :'library'::pg_catalog.name AND n.nspname <> :'schema'::pg_catalog.name AND pg_catalog.pg_has_role(n.nspowner, 'USAGE')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid AND d.refobjid = n.oid))
  THEN
    EXECUTE pg_catalog.format('DROP SCHEMA %I', :'library');
  END IF;
END
$body$;
