-- The campaign with an id ($2), or, where that is NULL, those of a shop ($1; NULL: of all) that are active and not over, those that have
-- used up most of their limit or of their budget first.
SELECT :campaign_columns
  FROM :"library".promo_code_campaigns AS m
 WHERE ($1::text IS NULL OR m.shop_id = $1)
   AND CASE WHEN $2::bigint IS NULL THEN m.is_active AND (m.end_date IS NULL OR m.end_date >= now()) ELSE m.id = $2 END
 ORDER BY greatest(m.times_used::numeric / nullif(m.total_usage_limit::numeric, 0::numeric),
                   m.total_bonus_issued / nullif(m.max_total_bonus, 0::numeric)) DESC NULLS LAST, m.times_used DESC, m.id
 LIMIT 10
