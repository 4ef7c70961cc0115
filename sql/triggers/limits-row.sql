CREATE OR REPLACE TRIGGER verify_promo_code_limits_on_insert
  AFTER INSERT ON :"schema".promo_code_uses
  FOR EACH ROW EXECUTE FUNCTION :"schema".verify_promo_code_limits();

CREATE OR REPLACE TRIGGER verify_promo_code_limits_on_update
  AFTER UPDATE ON :"schema".promo_code_uses
  FOR EACH ROW EXECUTE FUNCTION :"schema".verify_promo_code_limits();
