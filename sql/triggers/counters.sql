-- A new code starts with the uses that its id has, and a renumbered one as well. No trigger of ours has a WHEN clause:
-- printing one, as inspecting does, would take a lock on the table.
CREATE OR REPLACE TRIGGER guard_promo_code_counters_on_insert
  BEFORE INSERT ON :"schema".promo_codes
  FOR EACH ROW EXECUTE FUNCTION :"schema".guard_promo_code_counters(:'counter_writes');
