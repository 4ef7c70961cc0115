-- Inserts the codes that do not exist in their shop yet, compared without case, the first of several of one name, and answers
-- those that were inserted. They are of one shop; without a shop each is of the one that stands in it.
-- codes is an array of objects, all with the same keys: the columns that are written, those of the host included. A moment
-- that is null in them is now. What is no key has the default of its column.
-- Hosts need no unique index for this: whoever creates codes of a shop through here takes the same lock first, and that of
-- several shops in the order of the locks.
CREATE OR REPLACE FUNCTION :"library".create_promo_codes(shop text, codes jsonb)
RETURNS TABLE (code_id text, created text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Of the types and collations of the host's columns.
  code_row :"codes"%ROWTYPE;
  shop_now text;
  shop_lock bigint;
  host oid := :'codes'::regclass::oid;
  host_name text := :'codes';
  names text;
  sources text;
  definitions text;
BEGIN
  -- As the column writes it: 007 is shop 7 of an integer column.
  /*if code_shop_id*/
  code_row.:"code_shop_id" := shop;
  /*fi*/
  shop_now := code_row.:"code_shop_id"::text;
  IF jsonb_array_length(codes) > 1 THEN
    codes := (SELECT pg_catalog.jsonb_agg(first.code ORDER BY first.place)
                FROM (SELECT DISTINCT ON (2, 3) a.code, a.code ->> :'code_shop_id'::text, :asked_code(a.code ->> :'code'::text), a.place
                        FROM jsonb_array_elements(codes) WITH ORDINALITY AS a(code, place)
                       ORDER BY 2, 3, 4) AS first);
  END IF;
  /*if code_customer_address*/
  -- As customers are compared, and as those of uses are stored.
  IF jsonb_path_exists(codes, pg_catalog.format(E'$[*].%s \x3F (@ != null)', pg_catalog.to_jsonb(:'code_customer_address'::text))::jsonpath) THEN
    codes := (SELECT pg_catalog.jsonb_agg(CASE WHEN p.who IS NULL THEN p.code
                                               ELSE jsonb_set(p.code, ARRAY[:'code_customer_address'], pg_catalog.to_jsonb(:asked_customer(p.who))) END
                                          ORDER BY p.place)
                FROM (SELECT a.code, a.code ->> :'code_customer_address'::text AS who, a.place
                        FROM jsonb_array_elements(codes) WITH ORDINALITY AS a(code, place)) AS p);
  END IF;
  /*fi*/
  FOR shop_lock IN
    SELECT DISTINCT hashtextextended(pg_catalog.concat(host, ' ', coalesce(shop_now, a.code ->> :'code_shop_id'::text)), 0::bigint)
      FROM jsonb_array_elements(codes) AS a(code)
     ORDER BY 1
  LOOP
    PERFORM pg_advisory_xact_lock(shop_lock);
  END LOOP;
  -- Each value is read by the type of its column, and compared under its collation; a moment as one, which the column then
  -- takes in its own way. A column without fractions of a second would round the present up, to a moment that is still to come.
  SELECT string_agg(pg_catalog.format('%I', a.attname), ', ' ORDER BY a.attnum),
         string_agg(CASE WHEN a.attname::text IN (:'start_date', :'created_at', :'updated_at')
                         THEN pg_catalog.format('coalesce(p.%I, date_trunc(%L, $2))', a.attname,
                                                CASE WHEN a.atttypmod BETWEEN 0 AND 5 THEN 'second' ELSE 'microseconds' END)
                         ELSE pg_catalog.format('p.%I', a.attname) END, ', ' ORDER BY a.attnum),
         string_agg(CASE WHEN a.attname::text IN (:'start_date', :'end_date', :'created_at', :'updated_at')
                         THEN pg_catalog.format('%I timestamptz', a.attname)
                         ELSE pg_catalog.format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)) END
                    || CASE WHEN l.oid IS NULL THEN '' ELSE pg_catalog.format(' COLLATE %I.%I', n.nspname, l.collname) END,
                    ', ' ORDER BY a.attnum)
    INTO names, sources, definitions
    FROM pg_attribute AS a
    LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
    LEFT JOIN pg_namespace AS n ON n.oid = l.collnamespace
   WHERE a.attrelid = host AND a.attnum > 0::smallint AND NOT a.attisdropped
     AND jsonb_exists(codes -> 0, a.attname::text);
  RETURN QUERY EXECUTE pg_catalog.format(
    'INSERT INTO %1$s AS c (%2$s)
     SELECT %3$s
       FROM jsonb_to_recordset($1) AS p(%4$s)
      WHERE NOT EXISTS (SELECT FROM %1$s AS other WHERE %7$s upper(other.%6$I::text) = upper(p.%6$I::text))
         ON CONFLICT DO NOTHING
     RETURNING c.%5$I::text, c.%6$I::text', host_name, names, sources, definitions, :'code_id', :'code',
    /*if code_shop_id*/ pg_catalog.format('other.%1$I::text = p.%1$I::text AND', :'code_shop_id') /*fi*/
    /*if not code_shop_id*/ '' /*fi*/)
    USING codes, now();
END
$body$;
