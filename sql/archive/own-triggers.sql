-- The triggers of the library that a table has of its own, as statements that drop them: once it is no partition any more, its rows
-- count no more.
SELECT pg_catalog.format('DROP TRIGGER %I ON %I.%I', t.tgname, n.nspname, c.relname) AS statement
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
 WHERE n.nspname = $1::text::pg_catalog.name AND c.relname = $2::text::pg_catalog.name AND t.tgparentid = 0::pg_catalog.oid
   AND fn.nspname = :'library'::pg_catalog.name AND f.prosrc LIKE '%-- pg-promo-codes %';
