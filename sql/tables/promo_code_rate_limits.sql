-- Failed attempts by key, for the optional limiter: the table of rate-limiter-flexible, whose columns these are.
CREATE TABLE IF NOT EXISTS :"library".promo_code_rate_limits (
  key    text PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
CREATE INDEX IF NOT EXISTS promo_code_rate_limits_expire_idx ON :"library".promo_code_rate_limits (expire);
-- What earlier versions had otherwise.
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_rate_limits;
ALTER TABLE :"library".promo_code_rate_limits DISABLE ROW LEVEL SECURITY;
COMMENT ON TABLE :"library".promo_code_rate_limits IS 'pg-promo-codes: created by the library, see installTriggers()';
