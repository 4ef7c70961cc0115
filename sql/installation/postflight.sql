-- After everything is created, in the same transaction: a function of the host's own that was replaced undoes it all, and
-- trigger functions of earlier revisions go, which no trigger calls any more.
DO $body$
DECLARE
  target text := pg_catalog.current_setting('pg_promo_codes.schema');
  mark constant text := E'^\\s*-- pg-promo-codes ([0-9]+)$';
  replaced text;
  found record;
BEGIN
  SELECT pg_catalog.string_agg(p.oid::pg_catalog.regprocedure::text, ', ') INTO replaced
    FROM pg_catalog.pg_proc AS p
   WHERE p.oid::text = ANY (pg_catalog.string_to_array(pg_catalog.current_setting('pg_promo_codes.host_functions'), ','))
     AND p.prosrc ~ ('(?n)' || mark);
  IF replaced IS NOT NULL THEN
    RAISE EXCEPTION 'schema % has functions of its own with names that pg-promo-codes needs, and they are not replaced: %', target, replaced
      USING ERRCODE = 'duplicate_object', HINT = 'Rename each, or drop it where it only counts, then run this again.';
  END IF;

  FOR found IN
    SELECT p.oid::pg_catalog.regprocedure AS signature
      FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname = target AND p.proname ~ 'promo_code'
       AND (pg_catalog.regexp_match(p.prosrc, mark, 'n'))[1]::integer < (
             SELECT max((pg_catalog.regexp_match(o.prosrc, mark, 'n'))[1]::integer)
               FROM pg_catalog.pg_proc AS o WHERE o.pronamespace = n.oid AND o.proname ~ 'promo_code')
  LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s', found.signature);
  END LOOP;
END
$body$;
