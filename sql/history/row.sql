CREATE OR REPLACE TRIGGER record_promo_code_history_on_insert
  AFTER INSERT ON :"uses"
  FOR EACH ROW EXECUTE FUNCTION :"library".record_promo_code_history_on_insert();

CREATE OR REPLACE TRIGGER record_promo_code_history_on_delete
  AFTER DELETE ON :"uses"
  FOR EACH ROW EXECUTE FUNCTION :"library".record_promo_code_history_on_delete();

CREATE OR REPLACE TRIGGER record_promo_code_history_on_update
  AFTER UPDATE ON :"uses"
  FOR EACH ROW EXECUTE FUNCTION :"library".record_promo_code_history_on_update();
