-- The code whose lock was waited for in vain ($1 its id, or $2 and $3 its name and shop), and who holds it: the transaction
-- in xmax, or, with $4, those of the multixact that stands there. Without a row of pg_stat_activity that this role may see
-- there is the code alone.
SELECT c.:"code_id"::text AS id, c.:"code"::text AS code, c.:"code_shop_id"::text AS shop, a.pid::text AS pid,
       coalesce(a.application_name, '') AS application,
       extract(epoch FROM a.xact_start)::text AS since
  FROM :"codes" AS c
 CROSS JOIN LATERAL (
         SELECT c.xmax AS xid WHERE NOT $4::boolean
          UNION ALL
         SELECT m.xid FROM pg_catalog.pg_get_multixact_members(c.xmax) AS m WHERE $4::boolean
       ) AS holder
  LEFT JOIN pg_catalog.pg_locks AS l
         ON l.locktype = 'transactionid' AND l.granted AND l.transactionid = holder.xid
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid AND a.xact_start IS NOT NULL
 WHERE c.:"code_id"::text = $1::text
    OR (:code_is($3::text, $2::text))
 ORDER BY a.pid IS NULL, a.xact_start, c.:"code_id"
 LIMIT 1
