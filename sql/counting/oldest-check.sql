-- When that was compared whose last comparison is the longest ago, in seconds since 1970; NULL where not everything has been.
SELECT CASE WHEN bool_or(d.kind = 'campaign' AND d.last_id IS NULL) THEN extract(epoch FROM min(d.checked_at)) END::text AS oldest
  FROM :"library".promo_code_drift_checks AS d
