-- For each row, so that partitions have it as well.
CREATE OR REPLACE TRIGGER leave_promo_code_campaign_on_delete
  AFTER DELETE ON :"codes"
  FOR EACH ROW EXECUTE FUNCTION :"library".leave_promo_code_campaign();

CREATE OR REPLACE TRIGGER leave_promo_code_campaign_on_truncate
  AFTER TRUNCATE ON :"codes"
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".leave_promo_code_campaign();
