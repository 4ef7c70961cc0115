-- What redeeming is fast by. An index of the host that serves is enough, whatever its name; one that only has the name stays,
-- and ours gets another. :'wanted' lists them: the table, the name, what it is of, and how one that serves looks.
DO $body$
DECLARE
  wanted record;
  free_name text;
  suffix integer;
BEGIN
  FOR wanted IN
    SELECT c.oid AS table_oid, i.*
      FROM pg_catalog.json_to_recordset(:'wanted_indexes'::json) AS i(on_table text, index_name text, columns text, pattern text, of_partitioned boolean)
      JOIN pg_catalog.pg_class AS c ON c.relname::text = i.on_table
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'schema'::pg_catalog.name
     -- Nobody else may build one; everything is right without it.
     WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE') AND (c.relkind = 'p'::"char" OR NOT i.of_partitioned) AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_index AS x
              WHERE x.indrelid = c.oid AND x.indisvalid AND x.indpred IS NULL
                AND pg_catalog.replace(pg_catalog.concat_ws(' ', pg_catalog.pg_get_indexdef(x.indexrelid, 1, true),
                                                            pg_catalog.pg_get_indexdef(x.indexrelid, 2, true)), '"', '') ~ i.pattern)
  LOOP
    free_name := wanted.index_name;
    suffix := 2;
    WHILE EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                   WHERE n.nspname = :'schema'::pg_catalog.name AND c.relname::text = free_name) LOOP
      free_name := pg_catalog.concat(wanted.index_name, '_', suffix);
      suffix := suffix + 1;
    END LOOP;
    EXECUTE pg_catalog.format('CREATE INDEX %I ON %I.%I %s', free_name, :'schema', wanted.on_table, wanted.columns);
    EXECUTE pg_catalog.format('COMMENT ON INDEX %I.%I IS %L', :'schema', free_name,
                              'pg-promo-codes: created by the library, see installTriggers()');
  END LOOP;
END
$body$;
