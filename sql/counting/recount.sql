-- New codes that uses may be waiting for. Not deferred: a pending event would keep a migration from altering the table after
-- it has inserted codes.
CREATE OR REPLACE TRIGGER recount_promo_code_on_insert
  AFTER INSERT ON :"codes"
  FOR EACH ROW EXECUTE FUNCTION :"library".recount_promo_code_at_commit(:'counter_writes');

-- At commit: codes whose id was written, which is also how a counting trigger asks for a recount. There is no OR REPLACE for
-- constraint triggers, and only they can be deferred. None of the library's triggers has a WHEN clause: printing one, as
-- inspecting does, would take a lock on the table.
CREATE CONSTRAINT TRIGGER recount_promo_code_on_update
  AFTER UPDATE OF :"code_id" ON :"codes"
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION :"library".recount_promo_code_at_commit(:'counter_writes');
