-- Earlier versions had their tables in the schema of the host. They move with what they remember, and where the library has such
-- a table already, because a service of an earlier version has made its own once more, its rows do.
DO $body$
DECLARE
  found record;
BEGIN
  FOR found IN
    WITH host AS (
      SELECT c.oid, c.relowner, 'codes'::text AS part
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.nspname = :'schema'::pg_catalog.name AND c.relname = :'codes_name'::pg_catalog.name
    )
    SELECT c.oid, c.relname, o.oid AS into_oid
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      LEFT JOIN (pg_catalog.pg_class AS o JOIN pg_catalog.pg_namespace AS l ON l.oid = o.relnamespace
                 AND l.nspname = :'library'::pg_catalog.name) ON o.relname = c.relname
     WHERE n.nspname = :'schema'::pg_catalog.name AND n.nspname <> :'library'::pg_catalog.name AND c.relkind = 'r'::"char"
       AND :'codes_name' = 'promo_codes' AND :'uses_name' = 'promo_code_uses'
       AND c.relname::text IN ('promo_code_idempotency_keys', 'promo_code_holds', 'promo_code_rate_limits')
       AND :trusted_owner(c.relowner) AND :is_own_table(c.oid)
  LOOP
    IF found.into_oid IS NULL THEN
      EXECUTE pg_catalog.format('ALTER TABLE %I.%I SET SCHEMA %I', :'schema', found.relname, :'library');
    ELSE
      EXECUTE (
        SELECT pg_catalog.format('INSERT INTO %1$I.%2$I (%3$s) SELECT %3$s FROM %4$I.%2$I ON CONFLICT DO NOTHING', :'library', found.relname,
                                 pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', '), :'schema')
          FROM pg_catalog.pg_attribute AS a
          JOIN pg_catalog.pg_attribute AS b ON b.attname = a.attname AND b.attrelid = found.into_oid AND NOT b.attisdropped
         WHERE a.attrelid = found.oid AND a.attnum > 0::smallint AND NOT a.attisdropped);
      EXECUTE pg_catalog.format('DROP TABLE %I.%I', :'schema', found.relname);
    END IF;
  END LOOP;
END
$body$;
