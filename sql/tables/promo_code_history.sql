-- What happened to uses, written by triggers in the transaction in which it happens, where the installation has the option
-- history. Rows are added and never changed, but by eraseCustomer(). The former code and customer are those that a use had
-- before, where it has others since. Partitioned by month, so that old months can be dropped; prepare_promo_code_history makes
-- months ahead, and what finds no month of its own goes to the default partition, so that no write fails for the lack of one.
-- Customers are as customers are compared.
CREATE TABLE IF NOT EXISTS :"library".promo_code_history (
  id                      bigint GENERATED ALWAYS AS IDENTITY,
  at                      timestamptz NOT NULL,
  kind                    text NOT NULL,
  use_id                  :use_id_type,
  promo_code_id           :code_id_type,
  former_promo_code_id    :code_id_type,
  shop_id                 text,
  customer_address        text,
  former_customer_address text,
  transaction_id          text,
  reason                  text,
  actor                   text,
  before                  jsonb,
  after                   jsonb,
  PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE IF NOT EXISTS :"library".promo_code_history_default PARTITION OF :"library".promo_code_history DEFAULT;
CREATE INDEX IF NOT EXISTS promo_code_history_code_idx ON :"library".promo_code_history (promo_code_id, id);
CREATE INDEX IF NOT EXISTS promo_code_history_former_code_idx
  ON :"library".promo_code_history (former_promo_code_id, id) WHERE former_promo_code_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS promo_code_history_use_idx ON :"library".promo_code_history (use_id, id);
CREATE INDEX IF NOT EXISTS promo_code_history_customer_idx ON :"library".promo_code_history (customer_address, id);
CREATE INDEX IF NOT EXISTS promo_code_history_former_customer_idx
  ON :"library".promo_code_history (former_customer_address, id) WHERE former_customer_address IS NOT NULL;
DROP TRIGGER IF EXISTS guard_promo_code_history ON :"library".promo_code_history;
CREATE TRIGGER guard_promo_code_history
  BEFORE UPDATE OR DELETE ON :"library".promo_code_history
  FOR EACH ROW EXECUTE FUNCTION :"library".guard_promo_code_history();
DROP TRIGGER IF EXISTS guard_promo_code_history_on_truncate ON :"library".promo_code_history;
CREATE TRIGGER guard_promo_code_history_on_truncate
  BEFORE TRUNCATE ON :"library".promo_code_history
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".guard_promo_code_history();
SELECT :"library".prepare_promo_code_history();

-- What row-level security hides of the codes, it hides of their history. That of tables that were dropped has no code any more,
-- and is for the owner.
ALTER TABLE :"library".promo_code_history ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_history;
CREATE POLICY promo_code_redeemers ON :"library".promo_code_history
  USING (promo_code_id IS NOT NULL AND :"library".promo_code_is_visible(promo_code_id));
COMMENT ON TABLE :"library".promo_code_history IS 'pg-promo-codes: created by the library, see installTriggers()';
