-- A partition needs this trigger of its own: TRUNCATE of a partition does not fire the one of its parent.
CREATE OR REPLACE TRIGGER count_promo_code_uses_on_truncate
  AFTER TRUNCATE ON :"uses"
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".update_promo_code_stats_on_truncate();
