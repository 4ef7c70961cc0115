-- Inserts the codes of one shop that do not exist in it yet, compared without case, and answers those that were inserted.
-- codes is an array of objects, all with the same keys: the columns that are written, those of the host included. A moment
-- that is null in them is now. What is no key has the default of its column.
-- Hosts need no unique index for this: whoever creates codes of a shop through here takes the same lock first.
CREATE OR REPLACE FUNCTION :"library".create_promo_codes(shop text, codes jsonb)
RETURNS TABLE (code_id text, created text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Of the types and collations of the host's columns.
  code_row :"codes"%ROWTYPE;
  shop_now text;
  host regclass := to_regclass(:'codes');
  host_name text;
  names text;
  sources text;
  definitions text;
BEGIN
  -- As the column writes it: 007 is shop 7 of an integer column.
  code_row.:"code_shop_id" := shop;
  shop_now := code_row.:"code_shop_id"::text;
  PERFORM pg_advisory_xact_lock(hashtextextended(host::oid::text || ' ' || shop_now, 0::bigint));
  SELECT format('%I.%I', n.nspname, c.relname) INTO host_name
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE c.oid = host::oid;
  -- Each value is read by the type of its column, and compared under its collation. A column without fractions of a second
  -- would round the present up, to a moment that is still to come.
  SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum),
         string_agg(CASE WHEN a.attname IN ('start_date', 'created_at', 'updated_at')
                         THEN format('coalesce(p.%I, date_trunc(%L, now()))', a.attname,
                                     CASE WHEN a.atttypmod BETWEEN 0 AND 5 THEN 'second' ELSE 'microseconds' END)
                         ELSE format('p.%I', a.attname) END, ', ' ORDER BY a.attnum),
         string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
                    || CASE WHEN l.oid IS NULL THEN '' ELSE format(' COLLATE %I.%I', n.nspname, l.collname) END,
                    ', ' ORDER BY a.attnum)
    INTO names, sources, definitions
    FROM pg_attribute AS a
    LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
    LEFT JOIN pg_namespace AS n ON n.oid = l.collnamespace
   WHERE a.attrelid = host::oid AND a.attnum > 0 AND NOT a.attisdropped
     AND jsonb_exists(codes -> 0, a.attname::text);
  RETURN QUERY EXECUTE format(
    'INSERT INTO %1$s AS c (%2$s)
     SELECT %3$s
       FROM jsonb_to_recordset($1) AS p(%4$s)
      WHERE NOT EXISTS (
              SELECT FROM %1$s AS other WHERE other.:"code_shop_id"::text = $2 AND upper(other.:"code"::text) = upper(p.code::text))
         ON CONFLICT DO NOTHING
     RETURNING c.:"code_id"::text, c.:"code"::text', host_name, names, sources, definitions)
    USING codes, shop_now;
END
$body$;
