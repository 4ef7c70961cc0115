-- A new code starts with what its id has, and a renumbered one as well.
CREATE OR REPLACE TRIGGER guard_promo_code_counters_on_insert
  BEFORE INSERT ON :"schema".promo_codes
  FOR EACH ROW EXECUTE FUNCTION :"schema".guard_promo_code_counters(:'counter_writes');

CREATE OR REPLACE TRIGGER guard_promo_code_counters_on_renumber
  BEFORE UPDATE OF id ON :"schema".promo_codes
  FOR EACH ROW WHEN ((old.id IS DISTINCT FROM new.id))
  EXECUTE FUNCTION :"schema".guard_promo_code_counters(:'counter_writes');
