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
DROP TRIGGER IF EXISTS protect_promo_code_campaigns ON :"library".promo_code_campaign_codes;
CREATE TRIGGER protect_promo_code_campaigns
  BEFORE INSERT OR DELETE OR UPDATE ON :"library".promo_code_campaign_codes
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".protect_promo_code_campaigns();
DROP TRIGGER IF EXISTS count_promo_code_campaign_on_insert ON :"library".promo_code_campaign_codes;
CREATE TRIGGER count_promo_code_campaign_on_insert
  AFTER INSERT ON :"library".promo_code_campaign_codes
  REFERENCING NEW TABLE AS new_members
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".update_promo_code_campaign_stats();
DROP TRIGGER IF EXISTS count_promo_code_campaign_on_update ON :"library".promo_code_campaign_codes;
CREATE TRIGGER count_promo_code_campaign_on_update
  AFTER UPDATE ON :"library".promo_code_campaign_codes
  REFERENCING OLD TABLE AS old_members NEW TABLE AS new_members
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".update_promo_code_campaign_stats();
DROP TRIGGER IF EXISTS count_promo_code_campaign_on_delete ON :"library".promo_code_campaign_codes;
CREATE TRIGGER count_promo_code_campaign_on_delete
  AFTER DELETE ON :"library".promo_code_campaign_codes
  REFERENCING OLD TABLE AS old_members
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".update_promo_code_campaign_stats();
DROP TRIGGER IF EXISTS count_promo_code_campaign_on_truncate ON :"library".promo_code_campaign_codes;
CREATE TRIGGER count_promo_code_campaign_on_truncate
  AFTER TRUNCATE ON :"library".promo_code_campaign_codes
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".update_promo_code_campaign_stats();
DROP TRIGGER IF EXISTS leave_promo_code_campaign_at_commit ON :"library".promo_code_campaign_codes;
CREATE CONSTRAINT TRIGGER leave_promo_code_campaign_at_commit
  AFTER UPDATE OF promo_code_id ON :"library".promo_code_campaign_codes
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION :"library".leave_promo_code_campaign_at_commit();

-- What row-level security hides of the codes, it hides of their campaigns; and no code comes into a campaign that is hidden.
ALTER TABLE :"library".promo_code_campaign_codes ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_campaign_codes;
CREATE POLICY promo_code_redeemers ON :"library".promo_code_campaign_codes
  USING (:"library".promo_code_is_visible(promo_code_id))
  WITH CHECK (:"library".promo_code_is_visible(promo_code_id)
              AND EXISTS (SELECT FROM :"library".promo_code_campaigns AS g WHERE g.id = campaign_id));
COMMENT ON TABLE :"library".promo_code_campaign_codes IS 'pg-promo-codes: created by the library, see installTriggers()';
