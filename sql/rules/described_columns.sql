-- described_columns(table): the columns of a table of the host, with their types.
(SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
         'name', a.attname,
         -- quote_all_identifiers puts quotes around some of them.
         'type', pg_catalog.replace(pg_catalog.format_type(a.atttypid, a.atttypmod), '"', ''),
         'baseType', pg_catalog.replace(pg_catalog.format_type(t.oid, NULL), '"', ''),
         'width', pg_catalog.replace(pg_catalog.format_type(t.oid, base.modifier), '"', ''),
         -- As any search_path takes it, and the same whatever quote_all_identifiers says.
         'sqlType', CASE WHEN ot.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid OR ot.typname = 'char'::pg_catalog.name
                         THEN pg_catalog.concat('"', (SELECT pg_catalog.replace(n.nspname::pg_catalog.text, '"', '""')
                                                        FROM pg_catalog.pg_namespace AS n WHERE n.oid = ot.typnamespace),
                                                '"."', pg_catalog.replace(ot.typname::pg_catalog.text, '"', '""'), '"')
                         ELSE pg_catalog.replace(pg_catalog.format_type(a.atttypid, a.atttypmod), '"', '') END,
         'enumLabels', (
           SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)
             FROM pg_catalog.pg_enum AS e
            WHERE e.enumtypid = t.oid),
         'notNull', EXISTS (
           SELECT FROM levels AS l WHERE l.relation = $table.oid AND l.attnum = a.attnum AND l.not_null),
         'hasDefault', EXISTS (
           SELECT FROM levels AS l WHERE l.relation = $table.oid AND l.attnum = a.attnum AND l.has_default),
         -- For no relation, because for one it would lock the table: what needs one is generated.
         'defaultConstant', CASE WHEN a.attgenerated = ''::"char" THEN pg_catalog.substring(coalesce(
           (SELECT pg_catalog.pg_get_expr(d.adbin, 0::oid)
              FROM pg_catalog.pg_attrdef AS d
             WHERE d.adrelid = $table.oid AND d.adnum = a.attnum), ot.typdefault),
           '^(''(?:[^'']|'''')*''|true|false|[0-9]+)(?:::|$)') END,
         -- The current time in the time zone of the session: what is converted with AT TIME ZONE is not. From
         -- the stored expression, because pg_get_expr may lock the table.
         'defaultsToNow', a.attgenerated = ''::"char" AND EXISTS (
           SELECT FROM pg_catalog.pg_attrdef AS d
            WHERE d.adrelid = $table.oid AND d.adnum = a.attnum
              AND (pg_catalog.strpos(d.adbin::pg_catalog.text, '{SQLVALUEFUNCTION ') > 0 OR EXISTS (
                    SELECT FROM (VALUES ('pg_catalog.now()'::pg_catalog.regprocedure::pg_catalog.oid),
                                        ('pg_catalog.transaction_timestamp()'::pg_catalog.regprocedure::pg_catalog.oid),
                                        ('pg_catalog.statement_timestamp()'::pg_catalog.regprocedure::pg_catalog.oid),
                                        ('pg_catalog.clock_timestamp()'::pg_catalog.regprocedure::pg_catalog.oid)) AS f(oid)
                     WHERE pg_catalog.strpos(d.adbin::pg_catalog.text,
                             pg_catalog.concat('{FUNCEXPR :funcid ', f.oid, ' ')) > 0))
              AND pg_catalog.strpos(d.adbin::pg_catalog.text, pg_catalog.concat('{FUNCEXPR :funcid ',
                    'pg_catalog.timezone(pg_catalog.text,pg_catalog.timestamptz)'::pg_catalog.regprocedure::pg_catalog.oid,
                    ' ')) = 0),
         'generated', a.attgenerated::text,
         'identity', a.attidentity::text) ORDER BY a.attnum)
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_type AS ot ON ot.oid = a.atttypid
  JOIN levels AS base ON base.relation = a.attrelid AND base.attnum = a.attnum
  JOIN pg_catalog.pg_type AS t ON t.oid = base.type AND t.typtype <> 'd'::"char"
 WHERE a.attrelid = $table.oid)
