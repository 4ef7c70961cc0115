-- How far scrubDrift has come, and when what was checked. A row stands for the ids behind those of the row before it in its walk, up
-- to last_id, or to the end where that is NULL: first all codes, then all campaigns. checked_at is when the first of them was
-- compared, drifted which ids of them differed then. Rows of the walk before stay until the new one has passed them, so that of every
-- id is known how long ago it was compared at the most.
CREATE TABLE IF NOT EXISTS :"library".promo_code_drift_checks (
  walk       bigint NOT NULL,
  place      integer NOT NULL,
  kind       text NOT NULL,
  last_id    text,
  checked_at timestamptz NOT NULL,
  drifted    text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (walk, place)
);

-- Who redeems may know how old the checks are. Who owns the codes may check them.
ALTER TABLE :"library".promo_code_drift_checks ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS promo_code_redeemers ON :"library".promo_code_drift_checks;
CREATE POLICY promo_code_redeemers ON :"library".promo_code_drift_checks FOR SELECT USING (true);
DROP POLICY IF EXISTS promo_code_owner ON :"library".promo_code_drift_checks;
CREATE POLICY promo_code_owner ON :"library".promo_code_drift_checks
  USING (pg_catalog.pg_has_role(
    (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = pg_catalog.to_regclass(:'codes'::text)::oid), 'USAGE'));
COMMENT ON TABLE :"library".promo_code_drift_checks IS 'pg-promo-codes: created by the library, see installTriggers()';
