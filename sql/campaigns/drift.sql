-- Every campaign whose counters differ from the rows of the codes that are in it and from what these carry forward, in the columns of the other part of the statement.
SELECT CAST(NULL AS :code_id_type) AS promo_code_id,
       NULL::text AS code,
       g.shop_id,
       g.times_used,
       coalesce(actual.uses, 0::bigint) + coalesce(carried.uses, 0::bigint) AS actual_uses,
       :as_shown(g.total_bonus_issued) AS total_bonus_issued,
       :as_shown((coalesce(actual.bonus, 0::numeric) + coalesce(carried.bonus, 0::numeric))) AS actual_bonus,
       'campaign'::text AS kind,
       g.id AS campaign_id
  FROM :"library".promo_code_campaigns AS g
  LEFT JOIN (
         SELECT m.campaign_id, count(*) AS uses, coalesce(sum(u.:"bonus_amount"::numeric), 0::numeric) AS bonus
           FROM :"library".promo_code_campaign_codes AS m
           JOIN :"uses" AS u ON u.:"promo_code_id" = m.promo_code_id
          WHERE :counts(u) AND :members_filter
          GROUP BY m.campaign_id
       ) AS actual ON actual.campaign_id = g.id
  LEFT JOIN (
         SELECT m.campaign_id, sum(k.uses)::bigint AS uses, sum(k.bonus) AS bonus
           FROM :"library".promo_code_campaign_codes AS m
           JOIN :carried_forward AS k ON k.promo_code_id = m.promo_code_id
          WHERE :members_filter
          GROUP BY m.campaign_id
       ) AS carried ON carried.campaign_id = g.id
  LEFT JOIN :counter_scale() AS shown ON true
 WHERE (g.times_used IS DISTINCT FROM coalesce(actual.uses, 0::bigint) + coalesce(carried.uses, 0::bigint)
        OR g.total_bonus_issued IS DISTINCT FROM coalesce(actual.bonus, 0::numeric) + coalesce(carried.bonus, 0::numeric))
   AND :campaigns_filter;
