-- For counterWrites 'ignore' and 'reject'. No column list: a trigger of the host may change a counter that the statement
-- does not name.
CREATE OR REPLACE TRIGGER guard_promo_code_counters_on_update
  BEFORE UPDATE ON :"codes"
  FOR EACH ROW EXECUTE FUNCTION :"library".guard_promo_code_counters(:'counter_writes');
