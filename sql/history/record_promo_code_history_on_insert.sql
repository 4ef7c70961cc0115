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
DECLARE
  by_row text;
BEGIN
  IF TG_LEVEL = 'ROW' THEN
    :record_new_uses((SELECT NEW.*) AS n);
  ELSE
    :leave_detached()
    by_row := :by_row();
    IF by_row IS NULL THEN
      :record_new_uses(new_uses AS n);
    ELSE
      :record_new_uses((SELECT n.* FROM new_uses AS n WHERE :is_by_statement(n)) AS n);
    END IF;
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".record_promo_code_history_on_insert() FROM PUBLIC;
