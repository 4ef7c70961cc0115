-- Customers are compared under the collation of the column of the uses. The table of what they carry gets it while it is empty.
SELECT pg_catalog.format('ALTER TABLE %s ALTER COLUMN customer_address TYPE text COLLATE %I.%I', :'carried_customers', n.nspname, l.collname)
         AS statement
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation
  JOIN pg_catalog.pg_namespace AS n ON n.oid = l.collnamespace
  JOIN pg_catalog.pg_attribute AS own ON own.attrelid = :'carried_customers'::pg_catalog.regclass::pg_catalog.oid
   AND own.attname = 'customer_address'::pg_catalog.name AND own.attcollation <> a.attcollation
 WHERE a.attrelid = :'uses'::pg_catalog.regclass::pg_catalog.oid AND a.attname = :'customer_address'::pg_catalog.name
   -- A domain or an extension's type has a collation of its own, but not the text that is made of it.
   AND a.atttypid IN ('pg_catalog.text'::pg_catalog.regtype::pg_catalog.oid, 'pg_catalog.varchar'::pg_catalog.regtype::pg_catalog.oid,
                      'pg_catalog.bpchar'::pg_catalog.regtype::pg_catalog.oid)
   AND NOT (:has_carried_customers());
