-- installed_place(): two parts of a WITH: the installations in question, and what is known of the one that is meant. What is
-- asked for stands in :'asked_schema', :'asked_library', :'asked_codes' and :'asked_uses'; it is empty where that is left open.
-- An installation says in the body of a function which tables it is for; there \d is a dollar sign and \b a backslash.
installations AS (
  -- Anybody could claim the tables.
  SELECT i.library, i.stored, i.schema, i.codes, i.uses
    FROM (SELECT n.nspname::text AS library, p.proowner,
                 pg_catalog.substring(p.prosrc, '[$]json[$](.*)[$]json[$]') AS stored,
                 pg_catalog.replace(pg_catalog.replace(pg_catalog.substring(p.prosrc, '[$]schema[$](.*)[$]schema[$]'), E'\\d', '$'), E'\\b', E'\\') AS schema,
                 pg_catalog.replace(pg_catalog.replace(pg_catalog.substring(p.prosrc, '[$]codes[$](.*)[$]codes[$]'), E'\\d', '$'), E'\\b', E'\\') AS codes,
                 pg_catalog.replace(pg_catalog.replace(pg_catalog.substring(p.prosrc, '[$]uses[$](.*)[$]uses[$]'), E'\\d', '$'), E'\\b', E'\\') AS uses
            FROM pg_catalog.pg_proc AS p
            JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
           WHERE p.proname = 'promo_code_installation'::name AND p.pronargs = 0::smallint) AS i
   WHERE EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = i.proowner AND (r.rolsuper OR r.rolname = current_user))
      -- A superuser is a member of every role, which says nothing.
      OR (pg_catalog.pg_has_role(i.proowner, 'USAGE')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user AND r.rolsuper))
      OR EXISTS (SELECT FROM pg_catalog.pg_namespace AS n
                   JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname::text = i.codes
                  WHERE n.nspname::text = i.schema AND pg_catalog.has_table_privilege(i.proowner, c.oid, 'TRIGGER'))
), chosen AS (
  SELECT i.library, i.stored, i.schema, i.codes, i.uses
    FROM installations AS i
   WHERE CASE WHEN :'asked_library'::text <> ''::text THEN i.library = :'asked_library'::text
              ELSE i.schema = coalesce(nullif(:'asked_schema'::text, ''), 'public')
               AND (:'asked_codes'::text = ''::text OR i.codes = :'asked_codes'::text) END
), place AS (
  SELECT coalesce(nullif(:'asked_schema'::text, ''), min(c.schema), 'public') AS schema,
         coalesce(nullif(:'asked_library'::text, ''), min(c.library), :'default_library'::text) AS library,
         coalesce(nullif(:'asked_codes'::text, ''), min(c.codes), 'promo_codes') AS codes,
         coalesce(nullif(:'asked_uses'::text, ''), min(c.uses), 'promo_code_uses') AS uses,
         min(c.stored) AS stored
    FROM chosen AS c
)
