-- A new code starts at zero, and a renumbered one as well.
CREATE OR REPLACE TRIGGER guard_promo_code_counters_on_insert
  BEFORE INSERT ON :"codes"
  FOR EACH ROW EXECUTE FUNCTION :"library".guard_promo_code_counters(:'counter_writes');
