-- What a superuser creates for somebody else's tables is given to the owner of the codes: a trigger of that owner runs with the
-- rights of the function that updates the table, and those must not be a superuser's.
DO $body$
DECLARE
  found record;
BEGIN
  FOR found IN
    WITH host AS (
      SELECT c.relowner AS owner
        FROM pg_catalog.pg_namespace AS n
        JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = :'codes_name'::pg_catalog.name
       WHERE n.nspname = :'schema'::pg_catalog.name
    ), library AS (
      SELECT n.oid, n.nspname, n.nspowner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = :'library'::pg_catalog.name
    ), own AS (
      SELECT pg_catalog.format('FUNCTION %s', p.oid::pg_catalog.regprocedure) AS what, p.proowner AS owner
        FROM library AS l JOIN pg_catalog.pg_proc AS p ON p.pronamespace = l.oid
       WHERE p.prosrc LIKE '%-- pg-promo-codes %'
       UNION ALL
      SELECT pg_catalog.format('TABLE %I.%I', l.nspname, c.relname), c.relowner
        FROM library AS l JOIN pg_catalog.pg_class AS c ON c.relnamespace = l.oid AND c.relkind IN ('r'::"char", 'p'::"char")
       WHERE pg_catalog.obj_description(c.oid, 'pg_class') LIKE 'pg-promo-codes%' OR :is_of_history(c.oid)
       UNION ALL
      SELECT pg_catalog.format('SCHEMA %I', l.nspname), l.nspowner FROM library AS l WHERE l.nspname <> :'schema'::pg_catalog.name
    )
    SELECT o.what, pg_catalog.pg_get_userbyid(h.owner) AS owner
      FROM own AS o
     CROSS JOIN host AS h
      JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner
     WHERE r.rolsuper AND o.owner <> h.owner
  LOOP
    EXECUTE pg_catalog.format('ALTER %s OWNER TO %I', found.what, found.owner);
  END LOOP;
END
$body$;
