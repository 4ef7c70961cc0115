-- Records uses that are deleted, by whatever path, as far as they counted.
CREATE OR REPLACE FUNCTION :"library".record_promo_code_history_on_delete()
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
    :record_gone_uses((SELECT OLD.*) AS o);
  ELSE
    :record_gone_uses(old_uses AS o);
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".record_promo_code_history_on_delete() FROM PUBLIC;
