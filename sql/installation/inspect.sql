-- Everything that installing, inspecting and uninstalling must know, in one statement that reads catalogs only: a role
-- without any right to the tables may run it. Relations are found by name through pg_class, because a cast to regclass
-- would need USAGE on the schema.
WITH RECURSIVE host AS (
  SELECT c.oid, c.relname, c.relkind, c.relowner
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE n.nspname = :'schema'
     AND c.relname IN ('promo_codes', 'promo_code_uses')
     AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
), watched AS (
  -- The partitions, by hand: pg_partition_tree would lock them.
  SELECT h.oid, h.relkind, h.relname AS host_table, true AS is_root FROM host AS h
  UNION ALL
  SELECT c.oid, c.relkind, w.host_table, false
    FROM watched AS w
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent = w.oid AND w.relkind = 'p'
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
)
SELECT pg_catalog.json_build_object(
  'role', current_user,
  'isolation', pg_catalog.current_setting('transaction_isolation'),
  'readOnly', pg_catalog.current_setting('transaction_read_only') = 'on',
  'timeZone', pg_catalog.current_setting('TimeZone'),
  'schema', (
    SELECT pg_catalog.json_build_object(
             'owner', pg_catalog.pg_get_userbyid(n.nspowner),
             'usage', pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
             'create', pg_catalog.has_schema_privilege(n.oid, 'CREATE'),
             -- Who else may create objects here, as somebody who would stand in their place.
             'creators', (
               SELECT pg_catalog.json_agg(CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(g.grantee) END
                                          ORDER BY g.grantee)
                 FROM pg_catalog.aclexplode(n.nspacl) AS g
                WHERE g.privilege_type = 'CREATE' AND g.grantee <> n.nspowner
                  AND NOT EXISTS (SELECT FROM host AS h WHERE h.relowner = g.grantee)))
      FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname = :'schema'
  ),
  'tables', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'name', h.relname,
             'kind', h.relkind,
             'owner', pg_catalog.pg_get_userbyid(h.relowner),
             'mine', pg_catalog.pg_has_role(h.relowner, 'USAGE'),
             'mayRead', pg_catalog.has_table_privilege(h.oid, 'SELECT'),
             'mayUpdate', pg_catalog.has_table_privilege(h.oid, 'UPDATE'),
             'mayAddTriggers', pg_catalog.has_table_privilege(h.oid, 'TRIGGER'),
             'rowSecurity', pg_catalog.row_security_active(h.oid),
             'hasChildren', h.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = h.oid),
             'uniqueId', EXISTS (
               SELECT FROM pg_catalog.pg_index AS i
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = h.oid AND a.attname = 'id'
                WHERE i.indrelid = h.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
                  AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum),
             'columns', (
               SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                        'name', a.attname,
                        -- quote_all_identifiers puts quotes around some of them.
                        'type', pg_catalog.replace(pg_catalog.format_type(a.atttypid, a.atttypmod), '"', ''),
                        'baseType', pg_catalog.replace(pg_catalog.format_type(
                          CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END, NULL), '"', ''),
                        'generated', a.attgenerated))
                 FROM pg_catalog.pg_attribute AS a
                 JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
                WHERE a.attrelid = h.oid AND a.attnum > 0 AND NOT a.attisdropped)))
      FROM host AS h
  ),
  'ownTables', (
    -- A host may have tables of these names: ours carry a comment, or where an older version has created them, the policy.
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'name', c.relname,
             'rowSecurity', c.relrowsecurity,
             'columns', (
               SELECT pg_catalog.json_agg(a.attname)
                 FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
             'checks', (
               SELECT pg_catalog.json_agg(k.conname)
                 FROM pg_catalog.pg_constraint AS k
                WHERE k.conrelid = c.oid AND k.contype = 'c'),
             'ours', coalesce(pg_catalog.obj_description(c.oid, 'pg_class') LIKE 'pg-promo-codes%', false)
                  OR EXISTS (SELECT FROM pg_catalog.pg_policy AS p
                              WHERE p.polrelid = c.oid AND p.polname = 'promo_code_redeemers')))
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = :'schema'
       AND c.relname IN ('promo_code_idempotency_keys', 'promo_code_holds', 'promo_code_rate_limits')
       AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  ),
  'partitions', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname))
      FROM watched AS w
      JOIN pg_catalog.pg_class AS c ON c.oid = w.oid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE NOT w.is_root AND w.host_table = 'promo_code_uses'
  ),
  'functions', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'name', p.proname,
             'arguments', pg_catalog.replace(pg_catalog.oidvectortypes(p.proargtypes), '"', ''),
             'quotedArguments', pg_catalog.oidvectortypes(p.proargtypes),
             'returnsTrigger', p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype,
             -- Nothing but the counting of the seed: one UPDATE of the counters, in the words that it takes.
             'countsOnly', CASE WHEN p.prosrc LIKE '%-- pg-promo-codes %' THEN false ELSE pg_catalog.regexp_replace(p.prosrc, E'--[^\n]*|("([^"]|"")+"|[[:alnum:]_]+)[[:space:]]*[.][[:space:]]*(?="?promo_codes[[:>:]])|"', ' ', 'gi')
               ~* '^[[:space:]]*begin[[:space:]]+update[[:space:]]+promo_codes[[:space:]]+set[[:space:]][^;]*;[[:space:]]*return[[:space:]]+(new|old|null)[[:space:]]*;[[:space:]]*end[[:space:]]*;?[[:space:]]*$'
               AND pg_catalog.regexp_replace(p.prosrc, E'--[^\n]*|("([^"]|"")+"|[[:alnum:]_]+)[[:space:]]*[.][[:space:]]*(?="?promo_codes[[:>:]])|"', ' ', 'gi')
               !~* '[[:<:]](?!(?:begin|end|update|set|where|and|return|new|old|null|id|promo_codes|promo_code_id|bonus_amount|times_used|total_bonus_issued|updated_at|coalesce|greatest|least|now|current_timestamp)[[:>:]])[a-z_]' END,
             'owner', pg_catalog.pg_get_userbyid(p.proowner),
             'mine', pg_catalog.pg_has_role(p.proowner, 'USAGE'),
             'ownedBySuperuser', o.rolsuper,
             'ownedByTableOwner', EXISTS (
               SELECT FROM host AS h WHERE h.relname = 'promo_codes' AND h.relowner = p.proowner),
             'source', p.prosrc,
             'securityDefiner', p.prosecdef,
             'settings', p.proconfig,
             'publicMayExecute', EXISTS (
               SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS g
                WHERE g.grantee = 0),
             'comment', pg_catalog.obj_description(p.oid, 'pg_proc')))
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner
     -- The schema first: matching the names of all functions there are would cost more than all the rest.
     WHERE p.pronamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = :'schema')
       AND p.proname ~ 'promo_code'
  ),
  'triggers', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'name', t.tgname,
             'tableSchema', n.nspname,
             'table', c.relname,
             'hostTable', w.host_table,
             'enabled', t.tgenabled,
             'isClone', t.tgparentid <> 0,
             -- Without the schemas, which differ in their quoting and in whether PostgreSQL prints them at all, and without the
             -- quotes of quote_all_identifiers. To print a WHEN clause it would lock the table; no trigger of ours has one.
             'definition', CASE WHEN t.tgqual IS NULL THEN pg_catalog.replace(pg_catalog.replace(
               pg_catalog.replace(
                 pg_catalog.pg_get_triggerdef(t.oid),
                 ' ON ' || pg_catalog.format('%I.%I', n.nspname, c.relname) || ' ',
                 ' ON ' || w.host_table || ' '),
               ' EXECUTE FUNCTION ' || pg_catalog.format('%I.%I', fn.nspname, f.proname) || '(',
               ' EXECUTE FUNCTION ' || f.proname || '('), '"', '') END,
             'functionSchema', fn.nspname,
             'function', f.proname,
             'functionSource', f.prosrc,
             'countsOnly', CASE WHEN f.prosrc LIKE '%-- pg-promo-codes %' THEN false ELSE pg_catalog.regexp_replace(f.prosrc, E'--[^\n]*|("([^"]|"")+"|[[:alnum:]_]+)[[:space:]]*[.][[:space:]]*(?="?promo_codes[[:>:]])|"', ' ', 'gi')
               ~* '^[[:space:]]*begin[[:space:]]+update[[:space:]]+promo_codes[[:space:]]+set[[:space:]][^;]*;[[:space:]]*return[[:space:]]+(new|old|null)[[:space:]]*;[[:space:]]*end[[:space:]]*;?[[:space:]]*$'
               AND pg_catalog.regexp_replace(f.prosrc, E'--[^\n]*|("([^"]|"")+"|[[:alnum:]_]+)[[:space:]]*[.][[:space:]]*(?="?promo_codes[[:>:]])|"', ' ', 'gi')
               !~* '[[:<:]](?!(?:begin|end|update|set|where|and|return|new|old|null|id|promo_codes|promo_code_id|bonus_amount|times_used|total_bonus_issued|updated_at|coalesce|greatest|least|now|current_timestamp)[[:>:]])[a-z_]' END))
      FROM watched AS w
      JOIN pg_catalog.pg_class AS c ON c.oid = w.oid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = w.oid
      JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
     WHERE fn.nspname <> 'pg_catalog'
  ),
  'indexes', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'name', c.relname,
             'valid', i.indisvalid,
             -- shop_id and upper(code) in either order, and (promo_code_id, lower(btrim(customer_address)), ...), read from the
             -- stored expression: pg_get_indexdef would lock the table.
             'ofCode', i.indpred IS NULL AND i.indnkeyatts >= 2
               AND (SELECT a.attnum FROM pg_catalog.pg_attribute AS a
                     WHERE a.attrelid = h.oid AND a.attname = 'shop_id') IN (i.indkey[0], i.indkey[1])
               AND 0 IN (i.indkey[0], i.indkey[1])
               AND i.indexprs::text LIKE '({FUNCEXPR :funcid ' || 'pg_catalog.upper(text)'::pg_catalog.regprocedure::oid || ' %'
               AND i.indexprs::text NOT LIKE '%:funcid %:funcid %'
               AND i.indexprs::text LIKE '%:varattno ' || (
                     SELECT a.attnum FROM pg_catalog.pg_attribute AS a
                      WHERE a.attrelid = h.oid AND a.attname = 'code') || ' %',
             'ofCustomer', i.indpred IS NULL AND i.indkey[1] = 0
               AND i.indkey[0] = (SELECT a.attnum FROM pg_catalog.pg_attribute AS a
                                   WHERE a.attrelid = h.oid AND a.attname = 'promo_code_id')
               AND i.indexprs::text LIKE '%:funcid ' || 'pg_catalog.lower(text)'::pg_catalog.regprocedure::oid || ' %'
               AND i.indexprs::text LIKE '%:funcid ' || 'pg_catalog.btrim(text)'::pg_catalog.regprocedure::oid || ' %'
               AND i.indexprs::text LIKE '%:varattno ' || (
                     SELECT a.attnum FROM pg_catalog.pg_attribute AS a
                      WHERE a.attrelid = h.oid AND a.attname = 'customer_address') || ' %'))
      FROM host AS h
      JOIN pg_catalog.pg_index AS i ON i.indrelid = h.oid
      JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  ),
  'takenNames', (
    SELECT pg_catalog.json_agg(c.relname)
      FROM pg_catalog.pg_class AS c
     WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = :'schema')
       AND c.relname ~ '^promo_code.*_idx'
  )
)::text AS catalog;
