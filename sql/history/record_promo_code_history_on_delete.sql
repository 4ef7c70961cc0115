-- Records uses that are deleted, by whatever path, as far as they counted. To archive one is not to take it back: what was recorded of it
-- stays, and nothing is added.
CREATE OR REPLACE FUNCTION :"library".record_promo_code_history_on_delete()
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
  IF :is_archiving() THEN
    RETURN NULL;
  END IF;
  IF TG_LEVEL = 'ROW' THEN
    :record_gone_uses((SELECT OLD.*) AS o);
  ELSE
    :leave_detached()
    by_row := :by_row();
    IF by_row IS NULL THEN
      :record_gone_uses(old_uses AS o);
    ELSE
      :record_gone_uses((SELECT o.* FROM old_uses AS o WHERE :is_by_statement(o)) AS o);
    END IF;
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".record_promo_code_history_on_delete() FROM PUBLIC;
