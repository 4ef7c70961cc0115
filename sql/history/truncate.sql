-- Before, as long as the rows are there. A partition needs this trigger of its own.
CREATE OR REPLACE TRIGGER record_promo_code_history_on_truncate
  BEFORE TRUNCATE ON :"uses"
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".record_promo_code_history_on_truncate();
