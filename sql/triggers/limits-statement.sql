-- The names sort after those of the counting triggers: triggers of one event fire in the order of their names.
CREATE OR REPLACE TRIGGER verify_promo_code_limits_on_insert
  AFTER INSERT ON :"schema".promo_code_uses
  REFERENCING NEW TABLE AS new_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"schema".verify_promo_code_limits();

CREATE OR REPLACE TRIGGER verify_promo_code_limits_on_update
  AFTER UPDATE ON :"schema".promo_code_uses
  REFERENCING OLD TABLE AS old_uses NEW TABLE AS new_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"schema".verify_promo_code_limits();
