-- Uses that are only reserved. A hold counts like any use; confirming it deletes its row here, releasing it deletes the use
-- and marks the row, so that a late confirmation can be told from one of an unknown use. Such a mark (released_as: expired,
-- replaced) stands for every other use that was taken back as well (rolled_back), and for a retry in doubt that was refused
-- (refused; without a code where there is none): an attempt that the network delivers late must not record a use under that id. Marks
-- are forgotten after 90 days, by releasing due holds and by rollbacks. Ids come again: a hold knows its use by code, customer
-- (folded) and time as well. Rows of an earlier version have no time.
CREATE TABLE IF NOT EXISTS :"schema".promo_code_holds (
  use_id           bigint PRIMARY KEY,
  promo_code_id    bigint,
  customer_address text NOT NULL,
  expires_at       timestamptz NOT NULL,
  released_at      timestamptz,
  released_as      text,
  created_at       timestamptz
);
ALTER TABLE :"schema".promo_code_holds ADD COLUMN IF NOT EXISTS created_at timestamptz, ALTER COLUMN promo_code_id DROP NOT NULL;
-- An earlier version knew two ways to be released.
ALTER TABLE :"schema".promo_code_holds DROP CONSTRAINT IF EXISTS promo_code_holds_released_as_check;
CREATE INDEX IF NOT EXISTS promo_code_holds_customer_idx
  ON :"schema".promo_code_holds (promo_code_id, customer_address) WHERE released_at IS NULL;
CREATE INDEX IF NOT EXISTS promo_code_holds_due_idx
  ON :"schema".promo_code_holds (promo_code_id, expires_at) WHERE released_at IS NULL;
CREATE INDEX IF NOT EXISTS promo_code_holds_expiry_idx
  ON :"schema".promo_code_holds (expires_at) WHERE released_at IS NULL;
CREATE INDEX IF NOT EXISTS promo_code_holds_released_idx
  ON :"schema".promo_code_holds (released_at) WHERE released_at IS NOT NULL;

-- Whoever may add uses or take them back may work with this table, from the moment of the GRANT on promo_code_uses and without
-- one here.
ALTER TABLE :"schema".promo_code_holds ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"schema".promo_code_holds;
CREATE POLICY promo_code_redeemers ON :"schema".promo_code_holds
  USING (pg_catalog.has_table_privilege(pg_catalog.format('%I.%I', :'schema', 'promo_code_uses'), 'INSERT, DELETE'));
GRANT SELECT, INSERT, UPDATE, DELETE ON :"schema".promo_code_holds TO PUBLIC;
COMMENT ON TABLE :"schema".promo_code_holds IS 'pg-promo-codes: created by the library, see installTriggers()';
