-- The columns of the table $2 in the schema $1 and those of them that can be written, and whether uses stand in it; no row: there is
-- no such table.
SELECT pg_catalog.json_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''::"char")::text AS written,
       pg_catalog.json_agg(a.attname::text ORDER BY a.attnum)::text AS names,
       (c.oid = :'uses'::pg_catalog.regclass::pg_catalog.oid
        OR EXISTS (SELECT FROM pg_catalog.pg_partition_tree(:'uses'::pg_catalog.regclass) AS t WHERE t.relid::pg_catalog.oid = c.oid))::text AS of_uses
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0::smallint AND NOT a.attisdropped
 WHERE n.nspname = $1::text::pg_catalog.name AND c.relname = $2::text::pg_catalog.name AND c.relkind IN ('r'::"char", 'p'::"char", 'f'::"char")
 GROUP BY c.oid;
