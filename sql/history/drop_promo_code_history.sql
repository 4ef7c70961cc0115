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
  made text[];
  dropped text[] := '{}';
  month text;
BEGIN
  -- As who reads goes from the whole to its parts, so that the two do not wait for each other.
  IF EXISTS (:ended_months(before))
     OR EXISTS (SELECT FROM :"library".promo_code_history_default AS h
                 WHERE h.at < date_trunc('month', before)) THEN
    EXECUTE pg_catalog.format('LOCK TABLE ONLY %s.promo_code_history IN ACCESS EXCLUSIVE MODE', home);
  END IF;
  made := :"library".prepare_promo_code_history();
  FOR month IN
    :ended_months(before)
  LOOP
    EXECUTE pg_catalog.format('DROP TABLE %s.%I', home, 'promo_code_history_' || month);
    dropped := pg_catalog.array_append(dropped, pg_catalog.replace(month, '_', '-'));
  END LOOP;
  RETURN dropped;
END
$body$;

REVOKE ALL ON FUNCTION :"library".drop_promo_code_history(timestamptz) FROM PUBLIC;
