-- One trigger per event: a trigger with transition tables takes no second event and no column list.
CREATE OR REPLACE TRIGGER promo_code_uses_insert_trigger
  AFTER INSERT ON :"uses"
  REFERENCING NEW TABLE AS new_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".update_promo_code_stats_on_insert();

CREATE OR REPLACE TRIGGER promo_code_uses_delete_trigger
  AFTER DELETE ON :"uses"
  REFERENCING OLD TABLE AS old_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".update_promo_code_stats_on_delete();

CREATE OR REPLACE TRIGGER count_promo_code_uses_on_update
  AFTER UPDATE ON :"uses"
  REFERENCING OLD TABLE AS old_uses NEW TABLE AS new_uses
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".update_promo_code_stats_on_update();
