-- Uses of the codes of a shop ($1; NULL: of all) on each of the last $2 days of the time zone $3, days without any included.
WITH days AS (
  SELECT (now() AT TIME ZONE $3::text)::date - g.ago AS day FROM generate_series(0, $2::integer - 1) AS g(ago)
), uses AS (
  SELECT (:used_at AT TIME ZONE $3::text)::date AS day, count(*) AS uses,
         sum(coalesce(u.:"bonus_amount"::numeric, 0::numeric)) AS bonus
    FROM :"uses" AS u
   WHERE :counts(u)
     AND :used_at >= (SELECT min(days.day) FROM days)::timestamp AT TIME ZONE $3::text
     AND ($1::text IS NULL OR u.:"promo_code_id" IN (
           SELECT c.:"code_id" FROM :"codes" AS c WHERE c.:"code_shop_id"::text = $1))
   GROUP BY 1
)
SELECT days.day::text AS date, coalesce(uses.uses, 0)::text AS uses, coalesce(uses.bonus, 0.00)::text AS bonus
  FROM days LEFT JOIN uses ON uses.day = days.day
 ORDER BY days.day
