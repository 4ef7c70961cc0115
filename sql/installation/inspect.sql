-- Everything that installing, inspecting and uninstalling must know, in one statement that reads catalogs only: a role
-- without any right to the tables may run it. Relations are found by name through pg_class, because a cast to regclass
-- would need USAGE on the schema. Every operator has arguments of its own types: a host may have others of its name.
WITH RECURSIVE :installed_place(), host AS (
  SELECT c.oid, c.relname, c.relkind, c.relowner, c.relnamespace,
         CASE WHEN c.relname::text = place.codes THEN 'codes'::text ELSE 'uses'::text END AS part
    FROM place
    JOIN pg_catalog.pg_namespace AS n ON n.nspname::text = place.schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname::text IN (place.codes, place.uses)
     AND c.relkind IN ('r'::"char", 'p'::"char", 'v'::"char", 'm'::"char", 'f'::"char")
), library AS (
  SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM place JOIN pg_catalog.pg_namespace AS n ON n.nspname::text = place.library
), homes AS (
  -- Where functions and tables of the library may be: its schema, and that of the host, where earlier versions put them.
  SELECT l.oid, l.nspname, true AS is_library FROM library AS l
  UNION
  SELECT n.oid, n.nspname, n.nspname::text = place.library
    FROM place JOIN pg_catalog.pg_namespace AS n ON n.nspname::text = place.schema
), watched AS (
  -- The partitions, by hand: pg_partition_tree would lock them.
  SELECT h.oid, h.relkind, h.part, true AS is_root FROM host AS h
  UNION ALL
  SELECT c.oid, c.relkind, w.part, false
    FROM watched AS w
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent = w.oid AND w.relkind = 'p'::"char"
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
), elsewhere AS (
  -- In one pass: there is no index that would find the triggers of a function.
  SELECT t.tgfoid FROM pg_catalog.pg_trigger AS t WHERE NOT EXISTS (SELECT FROM watched AS w WHERE w.oid = t.tgrelid)
), campaign_ids AS (
  -- Whether there has been a campaign, as redemptions read it. That takes a lock, so it is not read where there is none.
  SELECT d.refobjid AS table_oid, s.relacl,
         CASE WHEN pg_catalog.pg_relation_size(d.refobjid::pg_catalog.regclass) > 0::bigint AND pg_catalog.has_sequence_privilege(s.oid, 'USAGE')
              THEN pg_catalog.pg_sequence_last_value(s.oid::pg_catalog.regclass) ELSE 1::bigint END AS last
    FROM library AS l
    JOIN pg_catalog.pg_class AS s ON s.relnamespace = l.oid AND s.relname = 'promo_code_campaigns_id_seq'::name AND s.relkind = 'S'::"char"
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid AND d.objid = s.oid AND d.deptype = 'i'::"char"
), :column_levels()
SELECT pg_catalog.json_build_object(
  'schemaName', place.schema,
  'librarySchema', place.library,
  'stored', place.stored,
  'installations', (SELECT pg_catalog.json_agg(c.library ORDER BY c.library) FROM chosen AS c),
  'role', current_user::text,
  'isolation', pg_catalog.current_setting('transaction_isolation'),
  'readOnly', pg_catalog.current_setting('transaction_read_only') = 'on',
  'timeZone', pg_catalog.current_setting('TimeZone'),
  -- One that is installed was known then. The list is read from files, which takes long beside the rest.
  'knowsTimeZone', CASE
    WHEN pg_catalog.lower(:'asked_time_zone'::text) IN (''::text, 'utc'::text)
      OR pg_catalog.strpos(place.stored, pg_catalog.concat('"timeZone":"', :'asked_time_zone'::text, '"')) > 0 THEN true
    ELSE EXISTS (SELECT FROM pg_catalog.pg_timezone_names AS z
                  WHERE pg_catalog.lower(z.name) = pg_catalog.lower(:'asked_time_zone'::text)) END,
  'mayCreateSchemas', pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
  'schema', (
    SELECT pg_catalog.json_build_object(
             'owner', pg_catalog.pg_get_userbyid(n.nspowner),
             'usage', pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
             'create', pg_catalog.has_schema_privilege(n.oid, 'CREATE'),
             -- Who else may create objects here, as somebody who would stand in their place.
             'creators', (
               SELECT pg_catalog.json_agg(CASE WHEN g.grantee = 0::oid THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(g.grantee)::text END
                                          ORDER BY g.grantee)
                 FROM pg_catalog.aclexplode(n.nspacl) AS g
                WHERE g.privilege_type = 'CREATE' AND g.grantee <> n.nspowner
                  AND NOT EXISTS (SELECT FROM host AS h WHERE h.relowner = g.grantee)))
      FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname::text = place.schema
  ),
  'library', (
    SELECT pg_catalog.json_build_object(
             'owner', pg_catalog.pg_get_userbyid(l.nspowner),
             'mine', pg_catalog.pg_has_role(l.nspowner, 'USAGE'),
             'trusted', :trusted_owner(l.nspowner),
             'usage', pg_catalog.has_schema_privilege(l.oid, 'USAGE'),
             'create', pg_catalog.has_schema_privilege(l.oid, 'CREATE'),
             'isExtension', EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                                     WHERE d.objid = l.oid AND d.deptype = 'e'::"char" AND d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid),
             'grants', (
               SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                        'grantee', CASE WHEN g.grantee = 0::oid THEN NULL ELSE pg_catalog.pg_get_userbyid(g.grantee)::text END,
                        'privilege', g.privilege_type))
                 FROM pg_catalog.aclexplode(l.nspacl) AS g
                WHERE g.grantee <> l.nspowner))
      FROM library AS l
  ),
  'tables', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'part', h.part,
             'name', h.relname::text,
             'kind', h.relkind::text,
             'owner', pg_catalog.pg_get_userbyid(h.relowner),
             'mine', pg_catalog.pg_has_role(h.relowner, 'USAGE'),
             'mayRead', pg_catalog.has_table_privilege(h.oid, 'SELECT'),
             'mayUpdate', pg_catalog.has_table_privilege(h.oid, 'UPDATE'),
             'mayAddTriggers', pg_catalog.has_table_privilege(h.oid, 'TRIGGER'),
             'rowSecurity', pg_catalog.row_security_active(h.oid),
             'isChild', EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = h.oid),
             'hasChildren', h.relkind = 'r'::"char" AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = h.oid),
             'uniqueColumns', (
               SELECT pg_catalog.json_agg(a.attname::text)
                 FROM pg_catalog.pg_index AS i
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = h.oid AND a.attnum = i.indkey[0]
                WHERE i.indrelid = h.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1::smallint),
             'filledByTriggers', :filled_by_triggers(h),
             'columns', :described_columns(h)))
      FROM host AS h
  ),
  'otherTables', (
    -- Codes that are counted by the functions of this schema, and are not those that are asked for.
    SELECT pg_catalog.json_agg(DISTINCT pg_catalog.concat(n.nspname, '.', c.relname))
      FROM library AS l
      JOIN pg_catalog.pg_proc AS p ON p.pronamespace = l.oid AND p.proname = 'guard_promo_code_counters'::name
      JOIN pg_catalog.pg_trigger AS t ON t.tgfoid = p.oid
      JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE NOT EXISTS (SELECT FROM watched AS w WHERE w.oid = c.oid)
  ),
  'ownTables', (
    -- A host may have tables of these names: ours carry a comment, or where an older version has created them, the policy.
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'name', c.relname::text,
             'schema', s.nspname::text,
             'inLibrary', s.is_library,
             'owner', pg_catalog.pg_get_userbyid(c.relowner),
             'mine', pg_catalog.pg_has_role(c.relowner, 'USAGE'),
             'trusted', :trusted_owner(c.relowner),
             'rowSecurity', c.relrowsecurity,
             'columns', (
               SELECT pg_catalog.json_object_agg(a.attname::text, pg_catalog.replace(pg_catalog.format_type(a.atttypid, NULL), '"', ''))
                 FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0::smallint AND NOT a.attisdropped),
             'grants', (
               SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                        'grantee', CASE WHEN g.grantee = 0::oid THEN NULL ELSE pg_catalog.pg_get_userbyid(g.grantee)::text END,
                        'privilege', g.privilege_type))
                 FROM (SELECT c.relacl AS acl
                        UNION ALL
                       SELECT a.attacl FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL
                        UNION ALL
                       SELECT q.relacl FROM campaign_ids AS q WHERE q.table_oid = c.oid) AS r
                CROSS JOIN LATERAL pg_catalog.aclexplode(r.acl) AS g
                WHERE g.grantee <> c.relowner),
             'isPartition', c.relispartition,
             -- Those that fire, and call a function of the library.
             'triggers', coalesce((
               SELECT pg_catalog.json_agg(g.tgname::text)
                 FROM pg_catalog.pg_trigger AS g
                 JOIN pg_catalog.pg_proc AS f ON f.oid = g.tgfoid AND f.pronamespace = s.oid
                WHERE g.tgrelid = c.oid AND g.tgenabled IN ('O'::"char", 'A'::"char")), pg_catalog.json_build_array()),
             'isReady', NOT EXISTS (
               -- It knows of none, and there are some: see has_campaigns.
               SELECT FROM campaign_ids AS q WHERE q.table_oid = c.oid AND q.last = 0::bigint)
               AND (c.relkind <> 'p'::"char"
               -- Nobody else can make one, and all goes on without it.
               OR NOT pg_catalog.pg_has_role(c.relowner, 'USAGE') OR EXISTS (
                 SELECT FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS m ON m.oid = i.inhrelid
                  WHERE i.inhparent = c.oid
                    AND m.relname::text = pg_catalog.concat('promo_code_history_', pg_catalog.to_char(
                          pg_catalog.date_trunc('month', pg_catalog.timezone('UTC', pg_catalog.now())) + '1 month'::interval, 'YYYY_MM')))),
             'ours', :is_own_table(c.oid)))
      FROM homes AS s
      JOIN pg_catalog.pg_class AS c ON c.relnamespace = s.oid
     WHERE c.relname::text IN ('promo_code_idempotency_keys', 'promo_code_holds', 'promo_code_rate_limits', 'promo_code_history',
                               'promo_code_campaigns', 'promo_code_campaign_codes', 'promo_code_drift_checks')
        OR (c.relispartition AND :is_of_history(c.oid))
  ),
  -- Whether there has been a campaign: nothing of the table is read, only how big its file is.
  'hasCampaigns', EXISTS (
    SELECT FROM library AS l
      JOIN pg_catalog.pg_class AS c ON c.relnamespace = l.oid AND c.relname = 'promo_code_campaigns'::name AND c.relkind = 'r'::"char"
     WHERE pg_catalog.pg_relation_size(c.oid::pg_catalog.regclass) > 0::bigint),
  'partitions', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object('schema', n.nspname::text, 'name', c.relname::text, 'kind', c.relkind::text)
                               ORDER BY c.oid)
      FROM watched AS w
      JOIN pg_catalog.pg_class AS c ON c.oid = w.oid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE NOT w.is_root AND w.part = 'uses'
  ),
  'functions', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'name', p.proname::text,
             'schema', s.nspname::text,
             'inLibrary', s.is_library,
             'arguments', pg_catalog.replace(pg_catalog.oidvectortypes(p.proargtypes), '"', ''),
             'quotedArguments', pg_catalog.oidvectortypes(p.proargtypes),
             'result', pg_catalog.replace(pg_catalog.pg_get_function_result(p.oid), '"', ''),
             'returnsTrigger', p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype::oid,
             'owner', pg_catalog.pg_get_userbyid(p.proowner),
             'mine', pg_catalog.pg_has_role(p.proowner, 'USAGE'),
             'trusted', :trusted_owner(p.proowner),
             'ownedBySuperuser', o.rolsuper,
             'ownedByTableOwner', EXISTS (
               SELECT FROM host AS h WHERE h.part = 'codes' AND h.relowner = p.proowner),
             'source', coalesce(:mark(p.prosrc), p.prosrc),
             -- A script that was checked out with line ends of Windows installs the same.
             'digest', CASE WHEN :mark(p.prosrc) IS NOT NULL THEN pg_catalog.encode(pg_catalog.sha256(
               pg_catalog.convert_to(pg_catalog.replace(p.prosrc, E'\r', ''), 'UTF8'::name)), 'hex') END,
             'securityDefiner', p.prosecdef,
             'settings', p.proconfig,
             'calledElsewhere', p.oid IN (SELECT e.tgfoid FROM elsewhere AS e),
             'grants', (
               SELECT pg_catalog.json_agg(CASE WHEN g.grantee = 0::oid THEN NULL ELSE pg_catalog.pg_get_userbyid(g.grantee)::text END)
                 FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f'::"char", p.proowner))) AS g
                WHERE g.grantee <> p.proowner),
             'comment', pg_catalog.obj_description(p.oid, 'pg_proc')))
      FROM homes AS s
      -- The schema first: matching the names of all functions there are would cost more than all the rest.
      JOIN pg_catalog.pg_proc AS p ON p.pronamespace = s.oid AND p.proname::text LIKE '%promo_code%'
      JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner
  ),
  'triggers', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'name', t.tgname::text,
             'tableSchema', n.nspname::text,
             'table', c.relname::text,
             'part', w.part,
             'enabled', t.tgenabled::text,
             'isClone', t.tgparentid <> 0::oid,
             -- Without the schemas, which differ in their quoting and in whether PostgreSQL prints them at all, and without the
             -- quotes of quote_all_identifiers. To print a WHEN clause it would lock the table; no trigger of ours has one.
             'definition', CASE WHEN t.tgqual IS NULL THEN pg_catalog.replace(pg_catalog.replace(
               pg_catalog.replace(
                 pg_catalog.pg_get_triggerdef(t.oid),
                 pg_catalog.format(' ON %I.%I ', n.nspname, c.relname),
                 pg_catalog.format(' ON %s ', w.part)),
               pg_catalog.format(' EXECUTE FUNCTION %I.%I(', fn.nspname, f.proname),
               pg_catalog.format(' EXECUTE FUNCTION %s(', f.proname)), '"', '') END,
             'functionSchema', fn.nspname::text,
             'function', f.proname::text,
             'functionSource', coalesce(:mark(f.prosrc), f.prosrc)))
      FROM watched AS w
      JOIN pg_catalog.pg_class AS c ON c.oid = w.oid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = w.oid
      JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
     WHERE fn.nspname <> 'pg_catalog'::name
  ),
  'indexes', (
    -- What they are of is read from the stored expression: pg_get_indexdef would lock the table.
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'part', h.part,
             'name', c.relname::text,
             'valid', i.indisvalid,
             'isPartial', i.indpred IS NOT NULL,
             'keys', (SELECT pg_catalog.json_agg(coalesce(a.attname::text, '') ORDER BY k.n)
                        FROM pg_catalog.generate_series(0, i.indnkeyatts::integer - 1) AS k(n)
                        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = h.oid AND a.attnum = i.indkey[k.n]),
             'functions', (SELECT pg_catalog.json_agg(p.proname::text)
                             FROM pg_catalog.regexp_matches(i.indexprs::text, ':funcid ([0-9]+) ', 'g') AS m(oids)
                             JOIN pg_catalog.pg_proc AS p ON p.oid = (m.oids)[1]::oid
                             JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.pronamespace AND pn.nspname = 'pg_catalog'::name),
             'ofColumns', (SELECT pg_catalog.json_agg(a.attname::text)
                             FROM pg_catalog.regexp_matches(i.indexprs::text, ':varattno ([0-9]+) ', 'g') AS m(numbers)
                             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = h.oid AND a.attnum = (m.numbers)[1]::smallint),
             -- Another installation may count on the same table.
             'mine', pg_catalog.obj_description(c.oid, 'pg_class') LIKE 'pg-promo-codes%' AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_trigger AS t
                 JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
                 JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
                WHERE t.tgrelid = h.oid AND fn.nspname::text <> place.library AND f.prosrc LIKE '%-- pg-promo-codes %')))
      FROM host AS h
      JOIN pg_catalog.pg_index AS i ON i.indrelid = h.oid
      JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  ),
  'takenNames', (
    SELECT pg_catalog.json_agg(c.relname::text)
      FROM pg_catalog.pg_namespace AS n
      JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid
     WHERE n.nspname::text = place.schema AND c.relname::text LIKE '%_idx%'
  )
)::text AS catalog
  FROM place;
