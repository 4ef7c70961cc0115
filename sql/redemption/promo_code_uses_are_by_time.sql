-- Whether a use that was recorded lately can be in a few partitions only: the table is partitioned by ranges of the time of use, and no
-- trigger of the host sets that. Immutable as promo_code_ids_may_repeat is.
CREATE OR REPLACE FUNCTION :"library".promo_code_uses_are_by_time(uses regclass)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  RETURN EXISTS (SELECT FROM pg_partitioned_table AS p
                   JOIN pg_attribute AS a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0] AND a.attname = :'used_at'::name
                  WHERE p.partrelid = uses::oid AND p.partstrat = 'r'::"char")
     -- Before each inserted row.
     AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = uses::oid AND t.tgtype::integer & 7 = 7);
END
$body$;
