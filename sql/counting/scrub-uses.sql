-- The uses of the codes behind $1 up to $2 (NULL: without a bound), in the order of their codes, $3 at the most: how many, the code of
-- the last of them, the code before that, and what the counter of the last says.
SELECT coalesce(sum(g.uses), 0::numeric)::text AS uses, (pg_catalog.array_agg(g.id ORDER BY g.id DESC))[1]::text AS last,
       (pg_catalog.array_agg(g.id ORDER BY g.id DESC))[2]::text AS previous,
       /*if times_used*/
       (SELECT c.:"times_used" FROM :"codes" AS c
         WHERE c.:"code_id" = (pg_catalog.array_agg(g.id ORDER BY g.id DESC))[1])::text
       /*fi*/
       /*if not times_used*/
       NULL::text
       /*fi*/
       AS counter
  FROM (SELECT b.id, count(*) AS uses
          FROM (SELECT u.:"promo_code_id" AS id
                  FROM :"uses" AS u
                 WHERE u.:"promo_code_id" IS NOT NULL AND ($1::text IS NULL OR u.:"promo_code_id" > $1::text:::code_id_type)
                   AND ($2::text IS NULL OR u.:"promo_code_id" <= $2::text:::code_id_type)
                 ORDER BY u.:"promo_code_id"
                 LIMIT $3::bigint) AS b
         GROUP BY b.id) AS g
