CREATE OR REPLACE TRIGGER verify_promo_code_limits_on_insert
  AFTER INSERT ON :"uses"
  FOR EACH ROW EXECUTE FUNCTION :"library".verify_promo_code_limits();

CREATE OR REPLACE TRIGGER verify_promo_code_limits_on_update
  AFTER UPDATE ON :"uses"
  FOR EACH ROW EXECUTE FUNCTION :"library".verify_promo_code_limits();

CREATE OR REPLACE TRIGGER verify_promo_codes_together_on_insert
  AFTER INSERT ON :"uses"
  FOR EACH ROW EXECUTE FUNCTION :"library".verify_promo_code_campaign_limits();

CREATE OR REPLACE TRIGGER verify_promo_codes_together_on_update
  AFTER UPDATE ON :"uses"
  FOR EACH ROW EXECUTE FUNCTION :"library".verify_promo_code_campaign_limits();
