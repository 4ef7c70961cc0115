-- The calls that came with a key: what was asked (as a fingerprint) and which use came of it. It outlives the use, so that
-- a repetition after a rollback can be told. Ids come again: a key knows its use by code, customer (as customers are compared)
-- and time as well; rows of an earlier version have neither code nor customer. No foreign key: the table of uses may be
-- partitioned, and keeps no promise.
CREATE TABLE IF NOT EXISTS :"library".promo_code_idempotency_keys (
  shop_id          text NOT NULL,
  idempotency_key  text NOT NULL,
  fingerprint      bytea NOT NULL,
  use_id           :use_id_type NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  promo_code_id    :code_id_type,
  customer_address text,
  PRIMARY KEY (shop_id, idempotency_key)
);
-- What earlier versions had otherwise.
ALTER TABLE :"library".promo_code_idempotency_keys
  ADD COLUMN IF NOT EXISTS promo_code_id :code_id_type, ADD COLUMN IF NOT EXISTS customer_address text;
CREATE INDEX IF NOT EXISTS promo_code_idempotency_keys_age_idx
  ON :"library".promo_code_idempotency_keys (created_at);

-- What row-level security hides of the codes, it hides of their keys.
ALTER TABLE :"library".promo_code_idempotency_keys ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_idempotency_keys;
CREATE POLICY promo_code_redeemers ON :"library".promo_code_idempotency_keys
  USING (:"library".promo_code_is_visible(promo_code_id));
COMMENT ON TABLE :"library".promo_code_idempotency_keys IS 'pg-promo-codes: created by the library, see installTriggers()';
