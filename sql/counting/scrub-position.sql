-- How far the walk over all codes and campaigns has come: its last row, and whether the next piece may be added to that.
SELECT d.walk::text AS walk, d.place, d.kind, d.last_id AS last,
       d.checked_at > transaction_timestamp() - '1 minute'::interval AND pg_catalog.cardinality(d.drifted) < 1000 AS open
  FROM :"library".promo_code_drift_checks AS d
 ORDER BY d.walk DESC, d.place DESC
 LIMIT 1
