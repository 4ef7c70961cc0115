-- Who may do what with what the library has created: those who redeem, which are the owners of the host's tables and the roles of
-- :'grant_to', get what that takes, and nobody else may write or execute anything. Default privileges may have given more.
DO $body$
DECLARE
  -- Known before the query: a join would read the bodies of all functions that there are.
  library_oid constant oid := (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = :'library'::pg_catalog.name);
  writes constant text[] := '{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}';
  carried constant text[] := '{promo_code_carried_totals,promo_code_carried_customers}';
  change text;
BEGIN
  FOR change IN
    WITH host AS (
      SELECT c.oid, c.relowner, c.relname
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.nspname = :'schema'::pg_catalog.name AND c.relname::text IN (:'codes_name', :'uses_name')
    ), redeemers AS (
      SELECT r.oid, r.rolname FROM pg_catalog.pg_roles AS r
       WHERE r.rolname::text = ANY (:'grant_to'::text[]) OR r.oid IN (SELECT h.relowner FROM host AS h)
    ), own AS (
      SELECT 'schema'::text AS kind, pg_catalog.format('SCHEMA %I', n.nspname) AS path, n.nspowner AS owner, n.nspacl AS acl,
             '{USAGE}'::text[] AS rights
        FROM pg_catalog.pg_namespace AS n
       WHERE n.nspname = :'library'::pg_catalog.name AND n.nspname <> :'schema'::pg_catalog.name
       UNION ALL
      SELECT 'table', pg_catalog.format('TABLE %I.%I', n.nspname, c.relname), c.relowner, c.relacl, '{SELECT,INSERT,UPDATE,DELETE}'
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.oid = library_oid AND c.relkind = 'r'::"char" AND c.relname::text <> ALL (carried)
         AND pg_catalog.obj_description(c.oid, 'pg_class') LIKE 'pg-promo-codes%'
       UNION ALL
      -- Triggers write the history and what is carried forward, with the rights of the owner. Whoever redeems may read both, through
      -- the table and its policy.
      SELECT 'history', pg_catalog.format('TABLE %I.%I', n.nspname, c.relname), c.relowner, r.acl,
             CASE WHEN c.relispartition THEN '{}'::text[] ELSE '{SELECT}'::text[] END
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
       CROSS JOIN LATERAL (SELECT c.relacl AS acl
                            UNION ALL
                           SELECT a.attacl FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL) AS r
       WHERE n.oid = library_oid
         AND (:is_of_history(c.oid)
           OR ((c.relkind = 'p'::"char" OR c.relname::text = ANY (carried)) AND pg_catalog.obj_description(c.oid, 'pg_class') LIKE 'pg-promo-codes%'))
       UNION ALL
      -- Whether there has been a campaign is read from it.
      SELECT 'sequence', pg_catalog.format('SEQUENCE %I.%I', n.nspname, c.relname), c.relowner, c.relacl, '{USAGE}'
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.oid = library_oid AND c.relname = 'promo_code_campaigns_id_seq'::pg_catalog.name AND c.relkind = 'S'::"char"
       UNION ALL
      SELECT 'function', pg_catalog.format('FUNCTION %s', p.oid::pg_catalog.regprocedure), p.proowner,
             coalesce(p.proacl, pg_catalog.acldefault('f'::"char", p.proowner)),
             CASE WHEN p.proname::text = ANY (:'for_redeemers'::text[]) THEN '{EXECUTE}'::text[] ELSE '{}'::text[] END
        FROM pg_catalog.pg_proc AS p
       WHERE p.pronamespace = library_oid AND :mark(p.prosrc) IS NOT NULL
    ), given AS (
      SELECT o.kind, o.path, o.rights, g.grantee, g.privilege_type AS privilege,
             g.grantee IN (SELECT r.oid FROM redeemers AS r) AS redeems
        FROM own AS o CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS g
       WHERE g.grantee <> o.owner
    ), former AS (
      -- They have redeemed and shall no more.
      SELECT g.grantee FROM given AS g WHERE g.kind = 'table' AND g.privilege = ANY (writes) AND NOT g.redeems
    ), installers AS (
      SELECT o.owner AS oid FROM own AS o WHERE o.kind = 'function'
       UNION ALL
      SELECT h.relowner FROM host AS h WHERE h.relname::text = :'codes_name'
       UNION ALL
      SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user
    ), excess AS (
      SELECT DISTINCT g.path, g.grantee, CASE g.kind WHEN 'schema' THEN g.privilege ELSE 'ALL' END AS privilege
        FROM given AS g
       WHERE g.grantee = 0::oid
          OR CASE g.kind
               WHEN 'schema' THEN g.grantee IN (SELECT f.grantee FROM former AS f)
                               OR (g.privilege = 'CREATE' AND g.grantee NOT IN (SELECT i.oid FROM installers AS i))
               WHEN 'table' THEN g.privilege = ANY (writes) AND NOT g.redeems
               WHEN 'history' THEN g.privilege = ANY (writes) OR g.grantee IN (SELECT f.grantee FROM former AS f)
               ELSE NOT g.redeems OR pg_catalog.cardinality(g.rights) = 0 END
    )
    SELECT pg_catalog.format('REVOKE %s ON %s FROM %s', e.privilege, e.path, CASE WHEN e.grantee = 0::oid THEN 'PUBLIC'
                             ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(e.grantee)) END)
      FROM excess AS e
     UNION ALL
    SELECT pg_catalog.format('GRANT %s ON %s TO %I', pg_catalog.string_agg(DISTINCT w.wanted, ', '), o.path, r.rolname)
      FROM own AS o
     CROSS JOIN LATERAL pg_catalog.unnest(o.rights) AS w(wanted)
      JOIN redeemers AS r ON r.oid <> o.owner
     WHERE NOT EXISTS (SELECT FROM given AS g WHERE g.path = o.path AND g.grantee = r.oid AND g.privilege = w.wanted)
        OR (o.kind = 'history' AND EXISTS (SELECT FROM excess AS e WHERE e.path = o.path AND e.grantee = r.oid))
     GROUP BY o.path, r.rolname
  LOOP
    EXECUTE change;
  END LOOP;
END
$body$;
