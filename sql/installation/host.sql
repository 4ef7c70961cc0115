-- What a repository and a drift check have to know of an installation and of the host's tables: where they are and how they are
-- described, the columns with their types, what a column that is not written gets, whether the functions are installed, and
-- what characters there are. Reads system catalogs only, so that it cannot fail inside the host's transaction. Every operator
-- has arguments of its own types: a host may have others of its name.
WITH RECURSIVE :installed_place(), host AS (
  SELECT c.oid, c.relkind, c.relowner, CASE WHEN c.relname::text = place.codes THEN 'codes'::text ELSE 'uses'::text END AS part
    FROM place
    JOIN pg_catalog.pg_namespace AS n ON n.nspname::text = place.schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname::text IN (place.codes, place.uses)
     AND c.relkind IN ('r'::"char", 'p'::"char")
), :column_levels()
SELECT pg_catalog.json_build_object(
  'schemaName', place.schema,
  'librarySchema', place.library,
  'stored', place.stored,
  'installations', (SELECT pg_catalog.json_agg(c.library ORDER BY c.library) FROM chosen AS c),
  'isolation', pg_catalog.current_setting('default_transaction_isolation'),
  'encoding', pg_catalog.getdatabaseencoding()::text,
  'hasSchema', EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname::text = place.schema),
  'canRedeem', EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     -- In two parts: a host that looks for redemptions by their text, in a pool that it wraps, finds only redemptions.
     WHERE n.nspname::text = place.library AND :trusted_owner(n.nspowner) AND :trusted_owner(p.proowner) AND p.proname::text = pg_catalog.concat('redeem_', 'promo_codes')),
  -- Whether this role may read both tables of campaigns; NULL where they are not there.
  'readsCampaigns', (
    SELECT pg_catalog.bool_and(pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname::text = place.library AND c.relname::text IN ('promo_code_campaigns', 'promo_code_campaign_codes')
       AND c.relkind = 'r'::"char" AND :trusted_owner(c.relowner)
    HAVING count(*) = 2::bigint),
  -- Whether this role may read what is carried forward; NULL where it is not there. Where something is, it has to be read: a role
  -- that may not is told so.
  'readsCarried', (
    SELECT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))
           OR pg_catalog.pg_relation_size(c.oid::pg_catalog.regclass, 'main'::text) > 0::bigint
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname::text = place.library AND c.relname::text = 'promo_code_carried_totals'
       AND c.relkind = 'r'::"char" AND :trusted_owner(c.relowner)),
  'tables', (
    SELECT pg_catalog.json_object_agg(h.part, pg_catalog.json_build_object(
             'kind', h.relkind::text,
             'mayRead', pg_catalog.has_table_privilege(h.oid, 'SELECT'),
             'rowSecurity', pg_catalog.row_security_active(h.oid),
             'hasChildren', false,
             'isChild', false,
             'filledByTriggers', :filled_by_triggers(h),
             'uniqueColumns', pg_catalog.json_build_array(),
             'columns', :described_columns(h)))
      FROM host AS h)
)::text AS host
  FROM place;
