-- The triggers of the library that a table and its partitions have of their own, as statements that drop them: once it is no partition
-- any more, its rows count no more.
SELECT pg_catalog.format('DROP TRIGGER %I ON %I.%I', t.tgname, n.nspname, c.relname) AS statement
  FROM (SELECT gone.oid
          FROM pg_catalog.pg_class AS gone
          JOIN pg_catalog.pg_namespace AS place ON place.oid = gone.relnamespace
         WHERE place.nspname = $1::text::pg_catalog.name AND gone.relname = $2::text::pg_catalog.name) AS detached
 CROSS JOIN LATERAL (SELECT detached.oid
                     UNION
                     SELECT tree.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree(detached.oid::pg_catalog.regclass) AS tree) AS part(oid)
  JOIN pg_catalog.pg_class AS c ON c.oid = part.oid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = c.oid AND t.tgparentid = 0::pg_catalog.oid
  JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
 WHERE fn.nspname = :'library'::pg_catalog.name AND f.prosrc LIKE '%-- pg-promo-codes %';
