-- What the catalogs say of the tables that a description names: $1 is their schema, $2 the table of codes, $3 that of uses,
-- $4 a time zone. It reads catalogs only and locks nothing, so a role without any right to the tables may run it. It runs
-- under the search_path of the session: every operator here has its operands of the very types that pg_catalog has it for,
-- so that nobody's operator fits better.
WITH RECURSIVE named (part, name) AS (
  VALUES ('codes'::pg_catalog.text, $2::pg_catalog.name), ('uses'::pg_catalog.text, $3::pg_catalog.name)
), host AS (
  SELECT m.part, c.oid, c.relkind
    FROM named AS m
    JOIN pg_catalog.pg_class AS c ON c.relname = m.name
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE n.nspname = $1::pg_catalog.name
     AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
), levels AS (
  -- A column, and below it the types that its domains are of.
  SELECT h.oid AS relation, a.attnum, a.atttypid AS type, a.atttypmod AS modifier, a.attnotnull AS not_null,
         a.atthasdef OR a.attidentity <> '' AS has_default
    FROM host AS h
    JOIN pg_catalog.pg_attribute AS a
      ON a.attrelid = h.oid AND a.attnum > 0::pg_catalog.int2 AND NOT a.attisdropped
  UNION ALL
  SELECT l.relation, l.attnum, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault IS NOT NULL
    FROM levels AS l
    JOIN pg_catalog.pg_type AS t ON t.oid = l.type AND t.typtype = 'd'
)
SELECT pg_catalog.json_build_object(
  'hasSchema', EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = $1::pg_catalog.name),
  'timeZone', pg_catalog.current_setting('TimeZone'),
  -- The list is read from files, which takes long beside the rest.
  'knowsTimeZone', pg_catalog.lower($4::pg_catalog.text) = 'utc' OR EXISTS (
    SELECT FROM pg_catalog.pg_timezone_names AS z
     WHERE pg_catalog.lower(z.name) = pg_catalog.lower($4::pg_catalog.text)),
  'tables', (
    SELECT pg_catalog.json_object_agg(h.part, pg_catalog.json_build_object(
             'kind', h.relkind,
             'mayRead', pg_catalog.has_table_privilege(h.oid, 'SELECT'),
             'rowSecurity', pg_catalog.row_security_active(h.oid),
             -- Children by inheritance, which are not partitions.
             'hasChildren', h.relkind = 'r' AND EXISTS (
               SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = h.oid),
             -- Row triggers (1) before (2) an insert (4) may fill columns. Those of the library do not.
             'filledByTriggers', EXISTS (
               SELECT FROM pg_catalog.pg_trigger AS g
                 JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
                WHERE g.tgrelid = h.oid AND (g.tgtype::pg_catalog.int4 & 7) = 7 AND g.tgenabled <> 'D'
                  AND pg_catalog.strpos(p.prosrc, '-- pg-promo-codes') = 0),
             -- Columns that are unique on their own, for all rows.
             'uniqueColumns', (
               SELECT pg_catalog.json_agg(a.attname)
                 FROM pg_catalog.pg_index AS i
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = h.oid AND a.attnum = i.indkey[0]
                WHERE i.indrelid = h.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
                  AND i.indnkeyatts = 1::pg_catalog.int2),
             'columns', (
               SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                        'name', a.attname,
                        -- quote_all_identifiers puts quotes around some of them.
                        'type', pg_catalog.replace(pg_catalog.format_type(a.atttypid, a.atttypmod), '"', ''),
                        'baseType', pg_catalog.replace(pg_catalog.format_type(t.oid, NULL), '"', ''),
                        'width', pg_catalog.replace(pg_catalog.format_type(t.oid, base.modifier), '"', ''),
                        'enumLabels', (
                          SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)
                            FROM pg_catalog.pg_enum AS e
                           WHERE e.enumtypid = t.oid),
                        'notNull', EXISTS (
                          SELECT FROM levels AS l WHERE l.relation = h.oid AND l.attnum = a.attnum AND l.not_null),
                        'hasDefault', EXISTS (
                          SELECT FROM levels AS l WHERE l.relation = h.oid AND l.attnum = a.attnum AND l.has_default),
                        -- The current time in the time zone of the session: what is converted with AT TIME ZONE is not. From
                        -- the stored expression, because pg_get_expr may lock the table.
                        'defaultsToNow', a.attgenerated = '' AND EXISTS (
                          SELECT FROM pg_catalog.pg_attrdef AS d
                           WHERE d.adrelid = h.oid AND d.adnum = a.attnum
                             AND (pg_catalog.strpos(d.adbin::pg_catalog.text, '{SQLVALUEFUNCTION ') > 0 OR EXISTS (
                                   SELECT FROM pg_catalog.pg_proc AS p
                                    WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid
                                      AND p.proname IN ('now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp')
                                      AND pg_catalog.strpos(d.adbin::pg_catalog.text,
                                            pg_catalog.concat('{FUNCEXPR :funcid ', p.oid, ' ')) > 0))
                             AND pg_catalog.strpos(d.adbin::pg_catalog.text, pg_catalog.concat('{FUNCEXPR :funcid ',
                                   'pg_catalog.timezone(pg_catalog.text,pg_catalog.timestamptz)'::pg_catalog.regprocedure::pg_catalog.oid,
                                   ' ')) = 0),
                        'generated', a.attgenerated,
                        'identity', a.attidentity) ORDER BY a.attnum)
                 FROM pg_catalog.pg_attribute AS a
                 JOIN levels AS base ON base.relation = a.attrelid AND base.attnum = a.attnum
                 JOIN pg_catalog.pg_type AS t ON t.oid = base.type AND t.typtype <> 'd'
                WHERE a.attrelid = h.oid)))
      FROM host AS h)
)::pg_catalog.text AS described
