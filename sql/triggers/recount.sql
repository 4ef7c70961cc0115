-- At commit: new codes that uses may be waiting for, and codes whose id was written, which is also how a counting trigger
-- asks for a recount. There is no OR REPLACE for constraint triggers, and only they can be deferred. None of the library's
-- triggers has a WHEN clause: printing one, as inspecting does, would take a lock on the table.
CREATE CONSTRAINT TRIGGER recount_promo_code_on_insert
  AFTER INSERT ON :"schema".promo_codes
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION :"schema".recount_promo_code_at_commit(:'counter_writes');

CREATE CONSTRAINT TRIGGER recount_promo_code_on_update
  AFTER UPDATE OF id ON :"schema".promo_codes
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION :"schema".recount_promo_code_at_commit(:'counter_writes');
