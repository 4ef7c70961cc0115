-- The columns of the table $2 in the schema $1 that can be written; no row: there is no such table.
SELECT pg_catalog.json_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''::"char")::text AS written,
       pg_catalog.json_agg(a.attname::text ORDER BY a.attnum)::text AS names
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0::smallint AND NOT a.attisdropped
 WHERE n.nspname = $1::text::pg_catalog.name AND c.relname = $2::text::pg_catalog.name AND c.relkind IN ('r'::"char", 'p'::"char", 'f'::"char")
 GROUP BY c.oid;
