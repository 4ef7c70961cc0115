-- What a superuser creates for somebody else's tables is given to the owner of the codes: a trigger of that owner runs with the
-- rights of the function that updates the table, and those must not be a superuser's. The schema and the owner are known before
-- the query: a join would read the bodies of all functions that there are, once for each schema with such a table.
DO $body$
DECLARE
  library_oid constant oid := (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = :'library'::pg_catalog.name);
  owner_oid constant oid := (
    SELECT c.relowner
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = :'schema'::pg_catalog.name AND c.relname = :'codes_name'::pg_catalog.name);
  thing text;
BEGIN
  FOR thing IN
    SELECT o.what
      FROM (
        SELECT pg_catalog.format('FUNCTION %s', p.oid::pg_catalog.regprocedure) AS what, p.proowner AS owner
          FROM pg_catalog.pg_proc AS p
         WHERE p.pronamespace = library_oid AND p.proowner <> owner_oid AND p.prosrc LIKE '%-- pg-promo-codes %'
         UNION ALL
        SELECT pg_catalog.format('TABLE %I.%I', :'library', c.relname), c.relowner
          FROM pg_catalog.pg_class AS c
         WHERE c.relnamespace = library_oid AND c.relowner <> owner_oid AND c.relkind IN ('r'::"char", 'p'::"char")
           AND (pg_catalog.obj_description(c.oid, 'pg_class') LIKE 'pg-promo-codes%' OR :is_of_history(c.oid))
         UNION ALL
        SELECT pg_catalog.format('SCHEMA %I', n.nspname), n.nspowner
          FROM pg_catalog.pg_namespace AS n
         WHERE n.oid = library_oid AND n.nspowner <> owner_oid AND n.nspname <> :'schema'::pg_catalog.name
      ) AS o
     WHERE o.owner IN (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolsuper)
  LOOP
    EXECUTE pg_catalog.format('ALTER %s OWNER TO %I', thing, pg_catalog.pg_get_userbyid(owner_oid));
  END LOOP;
END
$body$;
