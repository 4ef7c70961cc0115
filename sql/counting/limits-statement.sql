-- The names sort after those of the counting triggers: triggers of one event fire in the order of their names.
CREATE OR REPLACE TRIGGER verify_promo_code_limits_on_insert
  AFTER INSERT ON :"uses"
  REFERENCING NEW TABLE AS new_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".verify_promo_code_limits();

CREATE OR REPLACE TRIGGER verify_promo_code_limits_on_update
  AFTER UPDATE ON :"uses"
  REFERENCING OLD TABLE AS old_uses NEW TABLE AS new_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".verify_promo_code_limits();

-- Campaigns come after codes.
CREATE OR REPLACE TRIGGER verify_promo_codes_together_on_insert
  AFTER INSERT ON :"uses"
  REFERENCING NEW TABLE AS new_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".verify_promo_code_campaign_limits();

CREATE OR REPLACE TRIGGER verify_promo_codes_together_on_update
  AFTER UPDATE ON :"uses"
  REFERENCING OLD TABLE AS old_uses NEW TABLE AS new_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".verify_promo_code_campaign_limits();
