-- What the current role lacks of the rights that redeeming and the repository take, as statements for the owner; one row of
-- text, empty where nothing is known to be missing. USAGE on a sequence is needed for serial columns, not for identity.
WITH wanted AS (
  SELECT 1 AS place, format('GRANT USAGE ON SCHEMA %I TO %I;', n.nspname, current_user) AS statement
    FROM pg_catalog.pg_namespace AS n
   WHERE n.nspname = :'schema' AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
   UNION ALL
  SELECT 2, format('GRANT %s ON %I.%I TO %I;', string_agg(p.name, ', ' ORDER BY p.place), :'schema', c.relname, current_user)
    FROM pg_catalog.pg_class AS c
   CROSS JOIN (VALUES (1, 'SELECT'), (2, 'INSERT'), (3, 'UPDATE'), (4, 'DELETE')) AS p(place, name)
   WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = :'schema')
     AND c.relname IN ('promo_codes', 'promo_code_uses') AND c.relkind IN ('r', 'p')
     AND NOT pg_catalog.has_table_privilege(c.oid, p.name)
   GROUP BY c.relname
   UNION ALL
  SELECT 3, format('GRANT USAGE ON SEQUENCE %I.%I TO %I;', :'schema', s.relname, current_user)
    FROM pg_catalog.pg_class AS s
    JOIN pg_catalog.pg_depend AS d ON d.objid = s.oid AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'a'
    JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid AND c.relname IN ('promo_codes', 'promo_code_uses')
   WHERE CASE WHEN s.relkind = 'S' THEN NOT pg_catalog.has_sequence_privilege(s.oid, 'USAGE') ELSE false END
     AND c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = :'schema')
)
SELECT coalesce(string_agg(w.statement, E'\n' ORDER BY w.place, w.statement), '') AS statements, current_user AS role
  FROM wanted AS w
