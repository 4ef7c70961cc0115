-- The next campaigns behind $1, one at the least and so many that their codes have at the most $2 uses, as their counters say: the last
-- of them, how many uses, and whether others follow.
SELECT w.id::text AS last, w.uses::text AS uses,
       EXISTS (SELECT FROM :"library".promo_code_campaigns AS o WHERE o.id > w.id)::text AS more
  FROM (SELECT g.id, row_number() OVER (ORDER BY g.id) AS place, sum(greatest(g.times_used, 0::bigint) + 1::bigint) OVER (ORDER BY g.id) AS uses
          FROM (SELECT c.id, c.times_used
                  FROM :"library".promo_code_campaigns AS c
                 WHERE c.id > coalesce($1::text::bigint, 0::bigint)
                 ORDER BY c.id
                 LIMIT $2::bigint) AS g) AS w
 WHERE w.place = 1::bigint OR w.uses <= $2::numeric
 ORDER BY w.place DESC
 LIMIT 1
