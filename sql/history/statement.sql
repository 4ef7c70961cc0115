-- The names sort after those of the counting triggers, so a record is written under the lock of its code.
CREATE OR REPLACE TRIGGER record_promo_code_history_on_insert
  AFTER INSERT ON :"uses"
  REFERENCING NEW TABLE AS new_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".record_promo_code_history_on_insert();

CREATE OR REPLACE TRIGGER record_promo_code_history_on_delete
  AFTER DELETE ON :"uses"
  REFERENCING OLD TABLE AS old_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".record_promo_code_history_on_delete();

CREATE OR REPLACE TRIGGER record_promo_code_history_on_update
  AFTER UPDATE ON :"uses"
  REFERENCING OLD TABLE AS old_uses NEW TABLE AS new_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".record_promo_code_history_on_update();
