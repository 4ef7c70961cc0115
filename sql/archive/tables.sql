-- The tables that uses stand in: the table itself, or its partitions, with the size of each in pages.
SELECT n.nspname::text AS schema, c.relname::text AS name,
       (pg_catalog.pg_relation_size(c.oid::pg_catalog.regclass, 'main'::text)
        / pg_catalog.current_setting('block_size')::bigint)::text AS pages
  FROM pg_catalog.pg_partition_tree(:'uses'::pg_catalog.regclass) AS t
  RIGHT JOIN (SELECT :'uses'::pg_catalog.regclass AS whole) AS w ON true
  JOIN pg_catalog.pg_class AS c ON c.oid = coalesce(t.relid, w.whole)::pg_catalog.oid AND c.relkind = 'r'::"char"
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 ORDER BY 1, 2;
