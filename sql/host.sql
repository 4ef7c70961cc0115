-- What a repository has to know of the host's tables before it writes to them: the columns with their types, and whether
-- the functions are installed. Reads system catalogs only, so that it cannot fail inside the host's transaction.
SELECT pg_catalog.json_build_object(
  'isolation', pg_catalog.current_setting('default_transaction_isolation'),
  'canRedeem', EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname = :'schema' AND p.proname = 'redeem_promo_codes'),
  'columns', (
    SELECT pg_catalog.json_object_agg(c.relname || '.' || a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod))
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname = :'schema' AND c.relname IN ('promo_codes', 'promo_code_uses') AND c.relkind IN ('r', 'p'))
)::text AS host;
