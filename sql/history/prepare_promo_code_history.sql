-- Makes the partitions of the history for this month and the two after it, and moves what has gone to the default partition for
-- the lack of one into its month. Months are those of UTC. Answers the partitions that it made.
CREATE OR REPLACE FUNCTION :"library".prepare_promo_code_history()
RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET row_security = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  home text := pg_catalog.quote_ident(:'library');
  present constant timestamptz := date_trunc('month', clock_timestamp());
  made text[] := '{}';
  month timestamptz;
  name text;
  owner text := (SELECT pg_get_userbyid(c.relowner)::text FROM pg_class AS c
                  WHERE c.oid = (home || '.promo_code_history')::regclass::oid);
  grantee text;
  marker text := coalesce(current_setting('pg_promo_codes.history', true), '');
  setting text;
BEGIN
  setting := set_config('pg_promo_codes.history', 'maintained', true);
  FOR month IN
    SELECT m.start FROM generate_series(present, present + '2 months'::interval, '1 month'::interval) AS m(start)
     UNION
    SELECT date_trunc('month', h.at) FROM :"library".promo_code_history_default AS h
     ORDER BY 1
  LOOP
    name := 'promo_code_history_' || to_char(month, 'YYYY_MM');
    CONTINUE WHEN to_regclass(home || '.' || name) IS NOT NULL;
    -- Attached, not created as a partition: writers of other months go on meanwhile.
    EXECUTE pg_catalog.format('CREATE TABLE %1$s.%2$I (LIKE %1$s.promo_code_history)', home, name);
    -- It is reached through the whole alone, whatever default privileges say.
    FOR grantee IN
      SELECT DISTINCT CASE WHEN a.grantee = 0::oid THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_get_userbyid(a.grantee)::text) END
        FROM pg_class AS c
       CROSS JOIN LATERAL aclexplode(c.relacl) AS a
       WHERE c.oid = (home || '.' || name)::regclass::oid AND a.grantee <> c.relowner
    LOOP
      EXECUTE pg_catalog.format('REVOKE ALL ON %s.%I FROM %s', home, name, grantee);
    END LOOP;
    IF owner <> current_user::text THEN
      EXECUTE pg_catalog.format('ALTER TABLE %s.%I OWNER TO %I', home, name, owner);
    END IF;
    EXECUTE pg_catalog.format('LOCK TABLE %s.promo_code_history_default IN ACCESS EXCLUSIVE MODE', home);
    EXECUTE pg_catalog.format(
      'WITH moved AS (DELETE FROM %1$s.promo_code_history_default AS h WHERE h.at >= $1 AND h.at < $2 RETURNING h.*)
       INSERT INTO %1$s.%2$I SELECT m.* FROM moved AS m', home, name) USING month, month + '1 month'::interval;
    EXECUTE pg_catalog.format(
      'ALTER TABLE %1$s.promo_code_history ATTACH PARTITION %1$s.%2$I FOR VALUES FROM (%3$L) TO (%4$L)',
      home, name, month, month + '1 month'::interval);
    made := pg_catalog.array_append(made, name);
  END LOOP;
  -- Each table can be named by a statement, and TRUNCATE of a partition does not fire the trigger of its parent.
  FOR name IN
    SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = (home || '.promo_code_history')::regclass::oid
       AND NOT EXISTS (SELECT FROM pg_trigger AS t
                        WHERE t.tgrelid = c.oid AND t.tgname = 'guard_promo_code_history_on_truncate'::name)
  LOOP
    EXECUTE pg_catalog.format(
      'CREATE TRIGGER guard_promo_code_history_on_truncate BEFORE TRUNCATE ON %1$s.%2$I
         FOR EACH STATEMENT EXECUTE FUNCTION %1$s.guard_promo_code_history()', home, name);
  END LOOP;
  setting := set_config('pg_promo_codes.history', marker, true);
  RETURN made;
END
$body$;

REVOKE ALL ON FUNCTION :"library".prepare_promo_code_history() FROM PUBLIC;
