-- What the current role lacks of the rights that redeeming and the repository take, as statements for the owner; one row of
-- text, empty where nothing is known to be missing. USAGE on a sequence is needed for serial columns, not for identity,
-- but that of the campaigns is read.
WITH tables AS (
  SELECT c.oid, n.nspname, c.relname
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r'::"char", 'p'::"char")
     AND ((n.nspname = :'schema'::pg_catalog.name AND c.relname::text IN (:'codes_name', :'uses_name'))
       OR (n.nspname = :'library'::pg_catalog.name
           AND c.relname::text IN ('promo_code_idempotency_keys', 'promo_code_holds', 'promo_code_rate_limits', 'promo_code_history',
                                    'promo_code_campaigns', 'promo_code_campaign_codes', 'promo_code_carried_totals',
                                    'promo_code_carried_customers', 'promo_code_archived_uses')))
), wanted AS (
  SELECT 1 AS place, pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I;', n.nspname, current_user) AS statement
    FROM pg_catalog.pg_namespace AS n
   WHERE n.nspname IN (:'schema'::pg_catalog.name, :'library'::pg_catalog.name)
     AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
   UNION ALL
  SELECT 2, pg_catalog.format('GRANT %s ON %I.%I TO %I;', pg_catalog.string_agg(p.name, ', ' ORDER BY p.place), t.nspname,
                              t.relname, current_user)
    FROM tables AS t
   CROSS JOIN (VALUES (1, 'SELECT'), (2, 'INSERT'), (3, 'UPDATE'), (4, 'DELETE')) AS p(place, name)
   WHERE NOT pg_catalog.has_table_privilege(t.oid, p.name) AND (p.name = 'SELECT'
          OR t.relname::text NOT IN ('promo_code_history', 'promo_code_carried_totals', 'promo_code_carried_customers'))
   GROUP BY t.nspname, t.relname
   UNION ALL
  SELECT 3, pg_catalog.format('GRANT USAGE ON SEQUENCE %I.%I TO %I;', t.nspname, s.relname, current_user)
    FROM tables AS t
    JOIN pg_catalog.pg_depend AS d
      ON d.refobjid = t.oid AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid 
     AND (d.deptype = 'a'::"char" OR (d.deptype = 'i'::"char" AND t.relname = 'promo_code_campaigns'::name))
    JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'::"char"
   WHERE CASE WHEN s.relkind = 'S'::"char" THEN NOT pg_catalog.has_sequence_privilege(s.oid, 'USAGE') ELSE false END
   UNION ALL
  SELECT 4, pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %I;', p.oid::pg_catalog.regprocedure, current_user)
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
   WHERE n.nspname = :'library'::pg_catalog.name AND p.prosrc LIKE '%-- pg-promo-codes %'
     AND p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype::oid AND p.proname::text !~ '_promo_code_(campaign_)?(stats|history)$'
     AND NOT pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
)
SELECT coalesce(pg_catalog.string_agg(w.statement, E'\n' ORDER BY w.place, w.statement), '') AS statements, current_user AS role
  FROM wanted AS w
