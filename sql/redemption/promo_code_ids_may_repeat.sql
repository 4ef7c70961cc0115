-- Whether nothing keeps an id from standing in the table of the uses twice: where a partitioned table has no unique index on the id, or
-- on the id and the code. (A request that the network delivers late names the same code.) It is immutable to be computed while a
-- statement is planned and not when it runs; that the statement names the table makes it planned anew when that is altered.
CREATE OR REPLACE FUNCTION :"library".promo_code_ids_may_repeat(uses regclass)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  RETURN NOT EXISTS (
    SELECT FROM pg_index AS i
     WHERE i.indrelid = uses::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
       AND (SELECT bool_or(a.attname = :'use_id'::name) AND bool_and(a.attname IN (:'use_id'::name, :'promo_code_id'::name))
              FROM generate_series(0, i.indnkeyatts::integer - 1) AS k(n)
              JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n]));
END
$body$;
