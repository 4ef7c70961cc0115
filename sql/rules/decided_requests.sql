-- decided_requests(known): known_requests, with the refusals by limits. may_replace: whether one hold less would be enough.
(SELECT p.n, p.code_id, p.who, p.found_id, p.found_code_id, p.found_customer, p.found_time,
        CASE WHEN p.outcome IS NOT NULL THEN p.outcome
             WHEN count(*) FILTER (WHERE p.passes)
                    OVER (PARTITION BY p.code_id ORDER BY p.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) >= p.room
             THEN 'usage_limit_reached'
             WHEN NOT p.passes THEN 'customer_limit_reached' END AS outcome,
        p.is_open AND coalesce(p.had <= p.customer_limit, true) AND coalesce(p.room >= 0::bigint, true) AS may_replace
   FROM (SELECT s.*, s.is_open AND coalesce(s.had + s.rank <= s.customer_limit, true) AS passes
           FROM (SELECT r.*, max(CASE WHEN r.is_open AND r.rank = 1::bigint AND r.customer_limit IS NOT NULL
                                      THEN :customer_uses(
                                             r.code_id, r.who, greatest(r.customer_limit, 0::bigint) + 1::bigint, true)
                                 END) OVER (PARTITION BY r.code_id, r.who, r.is_open) AS had
                   FROM (SELECT q.*, q.outcome IS NULL AS is_open, rooms[q.place] AS room,
                                customer_limits[q.place] AS customer_limit,
                                row_number() OVER (PARTITION BY q.code_id, q.who, q.outcome IS NULL ORDER BY q.n) AS rank
                           FROM $known AS q) AS r) AS s) AS p
  ORDER BY p.n)
