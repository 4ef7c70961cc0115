-- Where the table $2 in the schema $1 is a partition of the uses: the table that it is a partition of.
SELECT n.nspname::text AS schema, parent.relname::text AS name
  FROM pg_catalog.pg_partition_tree(:'uses'::pg_catalog.regclass) AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.relid::pg_catalog.oid
  JOIN pg_catalog.pg_namespace AS own ON own.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS parent ON parent.oid = t.parentrelid::pg_catalog.oid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = parent.relnamespace
 WHERE t.level > 0 AND own.nspname = $1::text::pg_catalog.name AND c.relname = $2::text::pg_catalog.name;
