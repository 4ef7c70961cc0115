-- The codes of a shop ($1; NULL: of all) that can still be redeemed by their dates and have used up at least $2 percent of
-- their limit or of their budget, the fullest first.
SELECT :code_columns
  FROM :"codes" AS c
 WHERE ($1::text IS NULL OR c.:"code_shop_id"::text = $1)
   AND c.:"is_active"
   AND (c.:"end_date" IS NULL OR c.:"end_date" >= :now_as_end_date)
   AND ((c.:"total_usage_limit" > 0 AND :uses_counted(c)::numeric * 100 >= c.:"total_usage_limit"::numeric * $2::integer)
     OR (c.:"max_total_bonus" > 0 AND (:bonus_counted(c))::numeric * 100 >= c.:"max_total_bonus"::numeric * $2::integer))
 ORDER BY greatest(:uses_counted(c)::numeric / nullif(c.:"total_usage_limit"::numeric, 0),
                   (:bonus_counted(c))::numeric / nullif(c.:"max_total_bonus"::numeric, 0)) DESC, c.:"code_id"
 LIMIT 10
