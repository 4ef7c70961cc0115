-- Whether this session may act as the owner of the trigger that carries forward, what time zone it has and how it waits.
SELECT current_setting('lock_timeout') AS wait, current_setting('timezone') AS zone, current_setting('row_security') AS security,
       current_setting('pg_promo_codes.archiving', true) AS archiving,
       (SELECT pg_catalog.pg_get_userbyid(p.proowner)::text
          FROM pg_catalog.pg_proc AS p
          JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
         WHERE n.nspname = :'library'::pg_catalog.name AND p.proname = 'update_promo_code_stats_on_delete'::pg_catalog.name
           AND p.pronargs = 0::smallint AND NOT pg_catalog.pg_has_role(session_user, p.proowner, 'MEMBER')) AS owner;
