-- psql -v schema=public -f sql/uninstall.sql
--
-- Removes the triggers and functions that the library created, of whatever revision: they are recognised by the mark in
-- their bodies. All tables (its own as well), rows and counters stay.
\set ON_ERROR_STOP on
\if :{?schema} \else \set schema public \endif
SET client_min_messages = warning;
BEGIN;
SELECT pg_catalog.set_config('pg_promo_codes.schema', :'schema', true);
DO $body$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT p.oid::pg_catalog.regprocedure AS signature,
           -- The triggers go with the functions that they call; nothing else depends on those.
           CASE WHEN p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype THEN ' CASCADE' ELSE '' END AS how
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname = pg_catalog.current_setting('pg_promo_codes.schema') AND p.proname ~ 'promo_code'
       AND p.prosrc ~ E'(?n)^\\s*-- pg-promo-codes [0-9]+$'
  LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s%s', found.signature, found.how);
  END LOOP;
END
$body$;
COMMIT;
