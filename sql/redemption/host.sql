-- What a repository has to know of the host's tables before it writes to them: the columns with their types (of a domain
-- also the one below it; without the quotes of quote_all_identifiers), what a column that is not written gets (from a trigger of the host, perhaps), whether the functions
-- are installed, and what characters there are. Reads system catalogs only, so that it cannot fail inside the host's
-- transaction.
WITH RECURSIVE host_columns AS (
  SELECT c.relname, a.attname, a.attnum, c.relname || '.' || a.attname AS name, a.atttypid AS type, a.atttypmod AS modifier,
         a.attnotnull AS not_null, a.atthasdef OR a.attidentity <> '' AS has_default,
         a.attgenerated <> '' OR a.attidentity = 'a' AS is_generated
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE n.nspname = :'schema' AND c.relname IN ('promo_codes', 'promo_code_uses') AND c.relkind IN ('r', 'p')
), below AS (
  SELECT h.name, t.typbasetype AS type, t.typtypmod AS modifier, t.typnotnull AS not_null,
         t.typdefault IS NOT NULL AS has_default
    FROM host_columns AS h
    JOIN pg_catalog.pg_type AS t ON t.oid = h.type AND t.typtype = 'd'
  UNION ALL
  SELECT b.name, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault IS NOT NULL
    FROM below AS b
    JOIN pg_catalog.pg_type AS t ON t.oid = b.type AND t.typtype = 'd'
)
SELECT pg_catalog.json_build_object(
  'isolation', pg_catalog.current_setting('default_transaction_isolation'),
  'encoding', pg_catalog.getdatabaseencoding(),
  'canRedeem', EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     -- In two parts: a host that looks for redemptions by their text, in a pool that it wraps, finds only redemptions.
     WHERE n.nspname = :'schema' AND p.proname = 'redeem_' || 'promo_codes'),
  -- Row triggers (1) before (2) an insert (4) may fill columns. Those of the library do not.
  'filledByTriggers', (
    SELECT pg_catalog.json_agg(DISTINCT c.relname)
      FROM pg_catalog.pg_trigger AS g
      JOIN pg_catalog.pg_class AS c ON c.oid = g.tgrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
     WHERE n.nspname = :'schema' AND c.relname IN ('promo_codes', 'promo_code_uses') AND g.tgtype & 7 = 7
       AND g.tgenabled <> 'D' AND pg_catalog.strpos(p.prosrc, '-- pg-promo-codes') = 0),
  'columns', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'table', h.relname, 'name', h.attname, 'type', pg_catalog.replace(pg_catalog.format_type(h.type, h.modifier), '"', ''),
             'notNull', h.not_null OR EXISTS (SELECT FROM below AS b WHERE b.name = h.name AND b.not_null),
             'hasDefault', h.has_default OR EXISTS (SELECT FROM below AS b WHERE b.name = h.name AND b.has_default),
             'isGenerated', h.is_generated) ORDER BY h.relname, h.attnum)
      FROM host_columns AS h),
  'baseTypes', (
    SELECT pg_catalog.json_object_agg(b.name, pg_catalog.replace(pg_catalog.format_type(b.type, b.modifier), '"', ''))
      FROM below AS b
      JOIN pg_catalog.pg_type AS t ON t.oid = b.type AND t.typtype <> 'd')
)::text AS host;
