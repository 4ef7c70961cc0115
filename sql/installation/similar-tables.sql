-- Once a table is missing: what the host may have meant. $1 is the schema, $2 the table of codes and $3 the table of uses that
-- were looked for. Catalogs only; operators as in inspect.sql.
WITH tables AS (
  SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
     AND n.nspname NOT IN ('pg_catalog', 'information_schema')
     AND n.nspname::pg_catalog.text !~ '^pg_(toast|temp)'::pg_catalog.text
), candidates AS (
  SELECT t.oid, t.schema, t.name, t.relkind
    FROM tables AS t
   WHERE t.name::pg_catalog.text ~* '(promo|coupon|voucher|discount|gift|code|redemption|redeem|usage|use)'::pg_catalog.text
     -- Those of the library: an older version has left some of these without its comment.
     AND NOT COALESCE(pg_catalog.strpos(pg_catalog.obj_description(t.oid, 'pg_class'), 'pg-promo-codes') = 1, false)
     AND t.name NOT IN ('promo_code_idempotency_keys', 'promo_code_holds', 'promo_code_rate_limits')
     AND t.name::pg_catalog.text !~ '^promo_code_history_'::pg_catalog.text
   ORDER BY t.schema <> $1::pg_catalog.name,
            t.name::pg_catalog.text !~* '(promo|coupon|voucher|discount)'::pg_catalog.text, t.schema, t.name
   LIMIT 60
)
SELECT pg_catalog.json_build_object(
  'hasSchema', EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = $1::pg_catalog.name),
  -- Other schemas that have both.
  'schemas', (
    SELECT pg_catalog.json_agg(x.schema ORDER BY x.schema)
      FROM (SELECT t.schema
              FROM tables AS t
             WHERE t.name IN ($2::pg_catalog.name, $3::pg_catalog.name) AND t.schema <> $1::pg_catalog.name
             GROUP BY t.schema
            HAVING pg_catalog.count(*) = 2::pg_catalog.int8
             ORDER BY t.schema
             LIMIT 10) AS x),
  'tables', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
             'schema', t.schema,
             'name', t.name,
             'isTable', t.relkind IN ('r', 'p'),
             'primaryKey', (
               SELECT a.attname
                 FROM pg_catalog.pg_index AS i
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
                WHERE i.indrelid = t.oid AND i.indisprimary AND i.indnkeyatts = 1::pg_catalog.int2),
             'references', (
               SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                        'column', a.attname, 'schema', n.nspname, 'table', c.relname))
                 FROM pg_catalog.pg_constraint AS k
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.conkey[1]
                 JOIN pg_catalog.pg_class AS c ON c.oid = k.confrelid
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE k.conrelid = t.oid AND k.contype = 'f' AND pg_catalog.cardinality(k.conkey) = 1),
             'columns', (
               SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                        'name', a.attname,
                        'baseType', pg_catalog.replace(pg_catalog.format_type(
                          CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.oid END, NULL), '"', ''),
                        'isEnum', y.typtype = 'e') ORDER BY a.attnum)
                 FROM pg_catalog.pg_attribute AS a
                 JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
                WHERE a.attrelid = t.oid AND a.attnum > 0::pg_catalog.int2 AND NOT a.attisdropped))
             ORDER BY t.schema <> $1::pg_catalog.name, t.schema, t.name)
      FROM candidates AS t)
)::pg_catalog.text AS found
