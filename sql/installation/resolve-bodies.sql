-- psql does not look inside dollar quotes, so the functions that were just created still carry :"schema" in their bodies.
-- They are created again with the name in its place, which is the text that the library itself installs.
DO $resolve$
DECLARE
  target text := pg_catalog.current_setting('pg_promo_codes.schema');
  quoted text := '"' || pg_catalog.replace(target, '"', '""') || '"';
  found record;
BEGIN
  FOR found IN
    SELECT p.prosrc AS body, pg_catalog.pg_get_functiondef(p.oid) AS definition
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname = target AND p.proname LIKE '%promo\_code%' AND p.prosrc LIKE '%:"schema"%'
  LOOP
    -- The definition ends in: AS $function$, the body, $function$ and a line feed.
    EXECUTE pg_catalog.left(found.definition, -(pg_catalog.length(found.body) + pg_catalog.length('$function$$function$') + 1))
         || pg_catalog.quote_literal(pg_catalog.replace(found.body, ':"schema"', quoted));
  END LOOP;
END
$resolve$;
