-- Failed attempts by key, for the optional limiter: the table of rate-limiter-flexible, whose columns these are.
CREATE TABLE IF NOT EXISTS :"library".promo_code_rate_limits (
  key    text PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
CREATE INDEX IF NOT EXISTS promo_code_rate_limits_expire_idx ON :"library".promo_code_rate_limits (expire);

-- Whoever may add uses may work with this table, from the moment of the GRANT on promo_code_uses and without one here.
ALTER TABLE :"library".promo_code_rate_limits ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_rate_limits;
CREATE POLICY promo_code_redeemers ON :"library".promo_code_rate_limits
  USING (pg_catalog.has_table_privilege(pg_catalog.format('%I.%I', :'schema', 'promo_code_uses'), 'INSERT'));
GRANT SELECT, INSERT, UPDATE, DELETE ON :"library".promo_code_rate_limits TO PUBLIC;
COMMENT ON TABLE :"library".promo_code_rate_limits IS 'pg-promo-codes: created by the library, see installTriggers()';
