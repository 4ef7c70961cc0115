-- After everything is created, in the same transaction: functions that no trigger calls any more go, those of earlier revisions,
-- those that earlier versions had in the schema of the host, and the seed's own.
DO $body$
DECLARE
  mark constant text := E'(\x3Fn)^\\s*-- pg-promo-codes ([0-9]+)\\s*$';
  found record;
BEGIN
  FOR found IN
    SELECT p.oid::pg_catalog.regprocedure AS signature
      FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE p.proname::text ~ 'promo_code'
       AND CASE WHEN n.nspname = :'library'::pg_catalog.name THEN (pg_catalog.regexp_match(p.prosrc, mark))[1]::integer < 2
                WHEN n.nspname = :'schema'::pg_catalog.name AND :'codes_name' = 'promo_codes' AND :'uses_name' = 'promo_code_uses'
                     AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgfoid = p.oid)
                     AND pg_catalog.pg_has_role(p.proowner, 'USAGE')
                THEN p.prosrc ~ mark
                  OR (p.proname::text = ANY (:'function_names'::text[])
                      AND p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype::oid
                      AND p.prosrc ~* '^[[:space:]]*begin[[:space:]]+update[[:space:]]+[^;]*promo_codes[[:space:]]+set[[:space:]]') END
  LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s', found.signature);
  END LOOP;
END
$body$;
