-- For counterWrites 'allow': only a changed id concerns the counters.
CREATE OR REPLACE TRIGGER guard_promo_code_counters_on_update
  BEFORE UPDATE OF :"code_id" ON :"codes"
  FOR EACH ROW EXECUTE FUNCTION :"library".guard_promo_code_counters(:'counter_writes');
