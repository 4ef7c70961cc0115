-- Uses that are only reserved. A hold counts like any use; confirming it deletes its row here, releasing it takes the use back
-- and marks the row, so that a late confirmation can be told from one of an unknown use. Such a mark (released_as: expired,
-- replaced) stands for every other use that was taken back as well (rolled_back), and for a retry in doubt that was refused
-- (refused; without a code where there is none), and for a use that was archived within a day (archived): an attempt that the
-- network delivers late must not record a use under that id. Marks are forgotten after 90 days, by releasing due holds and by
-- rollbacks. Ids come again: a hold knows its use by code, customer (as customers are compared) and time as well. Rows of an
-- earlier version have no time.
CREATE TABLE IF NOT EXISTS :"library".promo_code_holds (
  use_id           :use_id_type PRIMARY KEY,
  promo_code_id    :code_id_type,
  customer_address text NOT NULL,
  expires_at       timestamptz NOT NULL,
  released_at      timestamptz,
  released_as      text,
  created_at       timestamptz
);
-- What earlier versions had otherwise.
ALTER TABLE :"library".promo_code_holds ADD COLUMN IF NOT EXISTS created_at timestamptz;
ALTER TABLE :"library".promo_code_holds ALTER COLUMN promo_code_id DROP NOT NULL;
ALTER TABLE :"library".promo_code_holds DROP CONSTRAINT IF EXISTS promo_code_holds_released_as_check;
CREATE INDEX IF NOT EXISTS promo_code_holds_customer_idx
  ON :"library".promo_code_holds (promo_code_id, customer_address) WHERE released_at IS NULL;
CREATE INDEX IF NOT EXISTS promo_code_holds_due_idx
  ON :"library".promo_code_holds (promo_code_id, expires_at) WHERE released_at IS NULL;
CREATE INDEX IF NOT EXISTS promo_code_holds_expiry_idx
  ON :"library".promo_code_holds (expires_at) WHERE released_at IS NULL;
CREATE INDEX IF NOT EXISTS promo_code_holds_released_idx
  ON :"library".promo_code_holds (released_at) WHERE released_at IS NOT NULL;

-- What row-level security hides of the codes, it hides of their holds.
ALTER TABLE :"library".promo_code_holds ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_holds;
CREATE POLICY promo_code_redeemers ON :"library".promo_code_holds
  USING (:"library".promo_code_is_visible(promo_code_id));
COMMENT ON TABLE :"library".promo_code_holds IS 'pg-promo-codes: created by the library, see installTriggers()';
