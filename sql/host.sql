-- What a repository has to know of the host's tables before it writes to them: the columns with their types (those under a
-- domain), what a column that is not written gets (from a trigger of the host, perhaps), and whether the functions are
-- installed. Reads system catalogs only, so that it cannot fail inside the host's transaction.
SELECT pg_catalog.json_build_object(
  'isolation', pg_catalog.current_setting('default_transaction_isolation'),
  'canRedeem', EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname = :'schema' AND p.proname = 'redeem_promo_codes'),
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
    SELECT pg_catalog.json_object_agg(c.relname || '.' || a.attname, pg_catalog.json_build_object(
             'type', CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod)
                          ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END,
             'notNull', a.attnotnull OR t.typnotnull,
             'hasDefault', a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL,
             'isGenerated', a.attgenerated <> '' OR a.attidentity = 'a'))
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
     WHERE n.nspname = :'schema' AND c.relname IN ('promo_codes', 'promo_code_uses') AND c.relkind IN ('r', 'p'))
)::text AS host;
