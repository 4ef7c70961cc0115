-- Records uses that begin to count. A hold is known by what its transaction has noted of it before.
CREATE OR REPLACE FUNCTION :"library".record_promo_code_history_on_insert()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  IF TG_LEVEL = 'ROW' THEN
    :record_new_uses((SELECT NEW.*) AS n);
  ELSE
    :record_new_uses(new_uses AS n);
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".record_promo_code_history_on_insert() FROM PUBLIC;
