-- Which campaign a code is in: a code is in one at most. It goes with the code, whoever deletes that; codes of a campaign that is
-- deleted stay and are free. No foreign key to the codes: an application writes them without knowing of this table, and must not wait
-- for whoever writes here.
CREATE TABLE IF NOT EXISTS :"library".promo_code_campaign_codes (
  promo_code_id :code_id_type PRIMARY KEY,
  campaign_id   bigint NOT NULL REFERENCES :"library".promo_code_campaigns ON DELETE CASCADE,
  added_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS promo_code_campaign_codes_campaign_idx
  ON :"library".promo_code_campaign_codes (campaign_id, promo_code_id);

-- What row-level security hides of the codes, it hides of their campaigns.
ALTER TABLE :"library".promo_code_campaign_codes ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_campaign_codes;
CREATE POLICY promo_code_redeemers ON :"library".promo_code_campaign_codes
  USING (:"library".promo_code_is_visible(promo_code_id));
COMMENT ON TABLE :"library".promo_code_campaign_codes IS 'pg-promo-codes: created by the library, see installTriggers()';
