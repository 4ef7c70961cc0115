-- Drops the months of the history that end before a moment, each with its table. Months are those of UTC. Answers them, the
-- oldest first.
CREATE OR REPLACE FUNCTION :"library".drop_promo_code_history(before timestamptz)
RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  home text := pg_catalog.quote_ident(:'library');
  made text[] := :"library".prepare_promo_code_history();
  dropped text[] := '{}';
  month text;
BEGIN
  FOR month IN
    SELECT pg_catalog.substring(c.relname::text, '[0-9]{4,}_[0-9]{2}$')
      FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = (home || '.promo_code_history')::regclass::oid
       AND c.relname::text ~ '^promo_code_history_[0-9]{4,}_[0-9]{2}$'
       AND to_date(pg_catalog.substring(c.relname::text, '[0-9]{4,}_[0-9]{2}$'), 'YYYY_MM')::timestamptz + '1 month'::interval <= before
     ORDER BY 1
  LOOP
    EXECUTE pg_catalog.format('DROP TABLE %s.%I', home, 'promo_code_history_' || month);
    dropped := pg_catalog.array_append(dropped, pg_catalog.replace(month, '_', '-'));
  END LOOP;
  RETURN dropped;
END
$body$;

REVOKE ALL ON FUNCTION :"library".drop_promo_code_history(timestamptz) FROM PUBLIC;
