-- The same per code and customer (as customers are compared), for limits per customer. Empty for who archives without customers. The
-- second index is for campaigns, whose limits are over all codes in them.
CREATE TABLE IF NOT EXISTS :"library".promo_code_carried_customers (
  promo_code_id    :code_id_type,
  customer_address text,
  uses             bigint NOT NULL,
  PRIMARY KEY (promo_code_id, customer_address)
);
CREATE INDEX IF NOT EXISTS promo_code_carried_customers_customer_idx
  ON :"library".promo_code_carried_customers (customer_address, promo_code_id);

-- What row-level security hides of the codes, it hides of what their customers have used.
ALTER TABLE :"library".promo_code_carried_customers ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_carried_customers;
CREATE POLICY promo_code_redeemers ON :"library".promo_code_carried_customers
  USING (:"library".promo_code_is_visible(promo_code_id));
COMMENT ON TABLE :"library".promo_code_carried_customers IS 'pg-promo-codes: created by the library, see installTriggers()';
