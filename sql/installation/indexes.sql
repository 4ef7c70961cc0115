-- What redeeming is fast by. An index of the host that serves is enough, whatever its name; one that only has the name stays,
-- and ours gets another. A table that lacks the column is only counted in.
DO $body$
DECLARE
  target text := pg_catalog.current_setting('pg_promo_codes.schema');
  wanted record;
  free_name text;
  suffix integer;
BEGIN
  FOR wanted IN
    SELECT c.oid AS table_oid, i.*
      FROM (VALUES ('promo_codes', 'code', 'promo_codes_shop_code_idx', '(shop_id, upper(code::text))',
                    '^(shop_id upper[(]+code[)]*(::text)?[)]+|upper[(]+code[)]*(::text)?[)]+ shop_id)$'),
                   ('promo_code_uses', 'customer_address', 'promo_code_uses_code_customer_idx',
                    '(promo_code_id, lower(btrim(customer_address::text)))',
                    '^promo_code_id lower[(]btrim[(]+customer_address[)]*(::text)?[)]+$')
           ) AS i(on_table, needs, index_name, columns, pattern)
      JOIN pg_catalog.pg_class AS c ON c.relname = i.on_table
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = target
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = i.needs AND NOT a.attisdropped
     WHERE NOT EXISTS (
             SELECT FROM pg_catalog.pg_index AS x
              WHERE x.indrelid = c.oid AND x.indisvalid AND x.indpred IS NULL AND x.indnkeyatts >= 2
                AND pg_catalog.replace(pg_catalog.pg_get_indexdef(x.indexrelid, 1, true) || ' '
                                    || pg_catalog.pg_get_indexdef(x.indexrelid, 2, true), '"', '') ~ i.pattern)
  LOOP
    free_name := wanted.index_name;
    suffix := 2;
    WHILE EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                   WHERE n.nspname = target AND c.relname = free_name) LOOP
      free_name := wanted.index_name || '_' || suffix;
      suffix := suffix + 1;
    END LOOP;
    EXECUTE pg_catalog.format('CREATE INDEX %I ON %I.%I %s', free_name, target, wanted.on_table, wanted.columns);
  END LOOP;
END
$body$;
