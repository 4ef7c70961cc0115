-- Row triggers are cloned to every partition, present and future; statement triggers are not.
CREATE OR REPLACE TRIGGER promo_code_uses_insert_trigger
  AFTER INSERT ON :"uses"
  FOR EACH ROW EXECUTE FUNCTION :"library".update_promo_code_stats_on_insert();

CREATE OR REPLACE TRIGGER promo_code_uses_delete_trigger
  AFTER DELETE ON :"uses"
  FOR EACH ROW EXECUTE FUNCTION :"library".update_promo_code_stats_on_delete();

CREATE OR REPLACE TRIGGER count_promo_code_uses_on_update
  AFTER UPDATE ON :"uses"
  FOR EACH ROW EXECUTE FUNCTION :"library".update_promo_code_stats_on_update();
