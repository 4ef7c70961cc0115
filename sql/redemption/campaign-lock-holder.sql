-- The campaign of a code ($1 its id), and who holds the lock of its row: the transaction in xmax.
SELECT g.id::text AS id, a.pid::text AS pid, coalesce(a.application_name, '') AS application,
       extract(epoch FROM a.xact_start)::text AS since
  FROM :"library".promo_code_campaign_codes AS m
  JOIN :"library".promo_code_campaigns AS g ON g.id = m.campaign_id
  JOIN pg_catalog.pg_locks AS l ON l.locktype = 'transactionid' AND l.granted AND l.transactionid = g.xmax
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid AND a.xact_start IS NOT NULL
 WHERE m.promo_code_id = $1:::code_id_type
