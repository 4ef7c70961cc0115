-- Who holds a lock on the table of codes that keeps even readers out, as ALTER TABLE takes it.
SELECT 'true' AS holds, l.pid::text AS pid, p.gid AS prepared, :session_columns
  FROM pg_catalog.pg_locks AS l
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
  LEFT JOIN pg_catalog.pg_prepared_xacts AS p ON l.pid IS NULL AND l.virtualtransaction = '-1/' || p.transaction::text
 CROSS JOIN LATERAL (SELECT p.prepared) AS s(prepared)
 WHERE l.locktype = 'relation' AND l.granted AND l.mode = 'AccessExclusiveLock'
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())
   AND l.relation = pg_catalog.to_regclass(:'codes')
 ORDER BY a.xact_start
