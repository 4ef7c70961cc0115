-- Removes what the library created: its triggers, the indexes that it built, and its schema with all that is in it. In a schema
-- that is the host's as well, the functions and tables of the library alone. Tables, rows and counters of the host stay, and
-- so do the indexes of a table on which another installation counts.
DO $body$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT t.tgname, n.nspname, c.relname
      FROM pg_catalog.pg_trigger AS t
      JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
     WHERE t.tgparentid = 0::oid AND fn.nspname = :'library'::pg_catalog.name AND f.prosrc LIKE '%-- pg-promo-codes %'
  LOOP
    EXECUTE pg_catalog.format('DROP TRIGGER %I ON %I.%I', found.tgname, found.nspname, found.relname);
  END LOOP;
  FOR found IN
    SELECT CASE WHEN d.objoid = c.oid AND c.relkind IN ('i'::"char", 'I'::"char") THEN 'INDEX' ELSE 'TABLE' END AS kind, n.nspname, c.relname
      FROM pg_catalog.pg_description AS d
      JOIN pg_catalog.pg_class AS c ON c.oid = d.objoid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE d.description LIKE 'pg-promo-codes%'
       AND ((n.nspname = :'library'::pg_catalog.name AND c.relkind = 'r'::"char")
         OR (c.relkind IN ('i'::"char", 'I'::"char") AND n.nspname = :'schema'::pg_catalog.name
             AND EXISTS (SELECT FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
                          WHERE i.indexrelid = c.oid AND t.relname::text IN (:'codes_name', :'uses_name')
                            AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g JOIN pg_catalog.pg_proc AS f ON f.oid = g.tgfoid
                                             WHERE g.tgrelid = t.oid AND f.prosrc LIKE '%-- pg-promo-codes %'))))
  LOOP
    EXECUTE pg_catalog.format('DROP %s %I.%I', found.kind, found.nspname, found.relname);
  END LOOP;
  FOR found IN
    SELECT p.oid::pg_catalog.regprocedure AS signature
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname = :'library'::pg_catalog.name AND p.proname::text ~ 'promo_code'
       AND p.prosrc ~ E'(?n)^\\s*-- pg-promo-codes [0-9]+$'
  LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s', found.signature);
  END LOOP;
  IF :'library' <> :'schema' THEN
    EXECUTE pg_catalog.format('DROP SCHEMA IF EXISTS %I', :'library');
  END IF;
END
$body$;
