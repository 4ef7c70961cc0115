-- What a repository has to know of the host's tables before it writes to them: the columns with their types (of a domain
-- also the one below it; without the quotes of quote_all_identifiers), whether the functions are installed, and what characters
-- there are. Reads system catalogs only, so that it cannot fail inside the host's transaction.
WITH RECURSIVE host_columns AS (
  SELECT c.relname || '.' || a.attname AS name, a.atttypid AS type, a.atttypmod AS modifier
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE n.nspname = :'schema' AND c.relname IN ('promo_codes', 'promo_code_uses') AND c.relkind IN ('r', 'p')
), below AS (
  SELECT h.name, t.typbasetype AS type, t.typtypmod AS modifier
    FROM host_columns AS h
    JOIN pg_catalog.pg_type AS t ON t.oid = h.type AND t.typtype = 'd'
  UNION ALL
  SELECT b.name, t.typbasetype, t.typtypmod
    FROM below AS b
    JOIN pg_catalog.pg_type AS t ON t.oid = b.type AND t.typtype = 'd'
)
SELECT pg_catalog.json_build_object(
  'isolation', pg_catalog.current_setting('default_transaction_isolation'),
  'encoding', pg_catalog.getdatabaseencoding(),
  'canRedeem', EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname = :'schema' AND p.proname = 'redeem_promo_codes'),
  'columns', (SELECT pg_catalog.json_object_agg(h.name, pg_catalog.replace(pg_catalog.format_type(h.type, h.modifier), '"', '')) FROM host_columns AS h),
  'baseTypes', (
    SELECT pg_catalog.json_object_agg(b.name, pg_catalog.replace(pg_catalog.format_type(b.type, b.modifier), '"', ''))
      FROM below AS b
      JOIN pg_catalog.pg_type AS t ON t.oid = b.type AND t.typtype <> 'd')
)::text AS host;
