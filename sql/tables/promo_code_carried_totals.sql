-- What uses that were archived still count, per code: counter = carried forward + rows. Only archiving adds to it. It goes with its
-- code, whoever deletes that. No foreign key to the codes: an application that deletes one must not wait for who writes here.
CREATE TABLE IF NOT EXISTS :"library".promo_code_carried_totals (
  promo_code_id :code_id_type PRIMARY KEY,
  uses          bigint NOT NULL,
  bonus         numeric NOT NULL,
  base_reward   numeric NOT NULL
);
DROP TRIGGER IF EXISTS count_promo_code_uses_on_carry ON :"library".promo_code_carried_totals;
CREATE TRIGGER count_promo_code_uses_on_carry
  AFTER INSERT ON :"library".promo_code_carried_totals
  REFERENCING NEW TABLE AS new_carried
  FOR EACH STATEMENT EXECUTE FUNCTION :"library".update_promo_code_stats_on_carry();

-- What row-level security hides of the codes, it hides of what they carry.
ALTER TABLE :"library".promo_code_carried_totals ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_carried_totals;
CREATE POLICY promo_code_redeemers ON :"library".promo_code_carried_totals
  USING (:"library".promo_code_is_visible(promo_code_id));
COMMENT ON TABLE :"library".promo_code_carried_totals IS 'pg-promo-codes: created by the library, see installTriggers()';
