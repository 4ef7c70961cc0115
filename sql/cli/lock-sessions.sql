-- Who holds the lock of a row ($1 its id), that of a code or of a campaign, and who waits for them. Holders are the transaction in xmax, or, with
-- $2, those of the multixact that stands there; one that was prepared has no session.
WITH RECURSIVE holders AS MATERIALIZED (
  SELECT DISTINCT l.pid, p.gid, p.prepared
    FROM :locked_table AS c
   CROSS JOIN LATERAL (
           SELECT c.xmax AS xid WHERE NOT $2::boolean
            UNION ALL
           SELECT m.xid FROM pg_catalog.pg_get_multixact_members(c.xmax) AS m
            WHERE $2::boolean AND c.xmax::text <> '0'
         ) AS holder
    JOIN pg_catalog.pg_locks AS l
      ON l.locktype = 'transactionid' AND l.granted AND l.transactionid = holder.xid
    LEFT JOIN pg_catalog.pg_prepared_xacts AS p ON p.transaction = holder.xid
   WHERE :locked_id = $1:::locked_type
     AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
), waiting AS MATERIALIZED (
  SELECT a.pid, pg_catalog.pg_blocking_pids(a.pid) AS blockers
    FROM pg_catalog.pg_stat_activity AS a
   WHERE a.wait_event_type = 'Lock'
     -- An index that is built concurrently, of any table, waits for whole transactions and not for what they have locked.
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks AS l
                      WHERE l.pid = a.pid AND NOT l.granted AND l.locktype = 'virtualxid')
), blocked AS (
  SELECT h.pid FROM holders AS h
   UNION
  SELECT w.pid FROM waiting AS w JOIN blocked AS b ON b.pid = ANY (w.blockers)
), sessions AS (
  SELECT h.pid, h.gid, h.prepared, true AS holds FROM holders AS h
   UNION ALL
  SELECT b.pid, NULL, NULL, false FROM blocked AS b WHERE b.pid NOT IN (SELECT h.pid FROM holders AS h WHERE h.pid IS NOT NULL)
)
SELECT s.holds::text AS holds, s.pid::text AS pid, s.gid AS prepared, :session_columns
  FROM sessions AS s
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = s.pid
 ORDER BY s.holds DESC, coalesce(a.xact_start, s.prepared), s.pid
