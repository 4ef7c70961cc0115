-- Functions that a superuser creates on somebody else's tables are given to the owner of promo_codes: a trigger of that
-- owner runs with the rights of the function that updates the table, and those must not be a superuser's. The schema comes
-- as a setting, because psql does not look inside a DO block.
DO $body$
DECLARE
  target text := pg_catalog.current_setting('pg_promo_codes.schema');
  found record;
BEGIN
  FOR found IN
    SELECT p.oid::pg_catalog.regprocedure AS function, c.relowner::pg_catalog.regrole AS owner
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname = target
      JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'promo_codes'
      JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner
     WHERE p.prosrc LIKE '%-- pg-promo-codes %' AND o.rolsuper AND p.proowner <> c.relowner
  LOOP
    EXECUTE pg_catalog.format('ALTER FUNCTION %s OWNER TO %s', found.function, found.owner);
  END LOOP;
END
$body$;
