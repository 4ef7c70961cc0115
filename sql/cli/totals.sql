-- What the counters of the codes of a shop ($1; NULL: of all) add up to.
SELECT count(*)::text AS codes,
       count(*) FILTER (WHERE c.:"is_active")::text AS active,
       coalesce(sum(:uses_counted(c)), 0)::text AS uses,
       coalesce(sum(:bonus_counted(c)::numeric), 0.00)::text AS bonus
  FROM :"codes" AS c
 WHERE ($1::text IS NULL OR c.:"code_shop_id"::text = $1)
