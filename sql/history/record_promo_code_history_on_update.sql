-- Records what an update makes of uses: begin to count, count no more, move, are confirmed or amended. What changes nothing
-- that the history shows is not recorded, unless it is the confirmation of a hold.
CREATE OR REPLACE FUNCTION :"library".record_promo_code_history_on_update()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- The hold that confirm_promo_code_use is about to confirm.
  confirming text := current_setting('pg_promo_codes.confirming', true);
  by_row text;
BEGIN
  IF TG_LEVEL = 'ROW' THEN
    :record_changed_uses((SELECT OLD.*) AS o, (SELECT NEW.*) AS n);
  ELSE
    :leave_detached()
    by_row := :by_row();
    IF by_row IS NULL THEN
      :record_changed_uses(old_uses AS o, new_uses AS n);
    ELSE
      :record_changed_uses((SELECT o.* FROM old_uses AS o WHERE :is_by_statement(o)) AS o, (SELECT n.* FROM new_uses AS n WHERE :is_by_statement(n)) AS n);
    END IF;
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".record_promo_code_history_on_update() FROM PUBLIC;
