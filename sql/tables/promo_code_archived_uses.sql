-- Uses that were archived and that a call may still ask for: those that have an idempotency key, and those that are younger than a
-- day, whose call may still be repeated. The answer is that of redeem_promo_codes_in_order. They go when keys are forgotten.
CREATE TABLE IF NOT EXISTS :"library".promo_code_archived_uses (
  use_id           :use_id_type PRIMARY KEY,
  promo_code_id    :code_id_type,
  customer_address text,
  used_at          timestamptz,
  answer           text[] NOT NULL
);
CREATE INDEX IF NOT EXISTS promo_code_archived_uses_age_idx ON :"library".promo_code_archived_uses (used_at);

-- What row-level security hides of the codes, it hides of their uses.
ALTER TABLE :"library".promo_code_archived_uses ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_archived_uses;
CREATE POLICY promo_code_redeemers ON :"library".promo_code_archived_uses
  USING (:"library".promo_code_is_visible(promo_code_id));
COMMENT ON TABLE :"library".promo_code_archived_uses IS 'pg-promo-codes: created by the library, see installTriggers()';
