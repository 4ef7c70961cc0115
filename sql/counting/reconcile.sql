-- Makes the counters true: each code that differs is locked and recounted by the next statement inside the function.
SELECT count(*) FILTER (WHERE :"library".recount_promo_code_stats(drifted.id)) AS repaired_codes
  FROM (
         SELECT c.:"code_id" AS id
           FROM :"codes" AS c
           LEFT JOIN :"library".promo_code_carried_totals AS carried ON carried.promo_code_id = c.:"code_id"
           LEFT JOIN (
                  SELECT u.:"promo_code_id" AS code, count(*) AS uses, coalesce(sum(u.:"bonus_amount"::numeric), 0::numeric) AS bonus
                    FROM :"uses" AS u
                   WHERE :counts(u)
                   GROUP BY u.:"promo_code_id"
                ) AS actual ON actual.code = c.:"code_id"
          WHERE :differs(c, coalesce(actual.uses, 0::bigint) + coalesce(carried.uses, 0::bigint),
                         coalesce(actual.bonus, 0::numeric) + coalesce(carried.bonus, 0::numeric))
          ORDER BY c.:"code_id"
       ) AS drifted;
-- The same for campaigns.
SELECT count(*) FILTER (WHERE :"library".recount_promo_code_campaign_stats(drifted.id)) AS repaired_campaigns
  FROM (
         SELECT g.id
           FROM :"library".promo_code_campaigns AS g
           LEFT JOIN (
                  SELECT m.campaign_id, count(*) AS uses, coalesce(sum(u.:"bonus_amount"::numeric), 0::numeric) AS bonus
                    FROM :"library".promo_code_campaign_codes AS m
                    JOIN :"uses" AS u ON u.:"promo_code_id" = m.promo_code_id
                   WHERE :counts(u)
                   GROUP BY m.campaign_id
                ) AS actual ON actual.campaign_id = g.id
          CROSS JOIN LATERAL :carried_by_campaign(g.id) AS carried
          WHERE g.times_used <> coalesce(actual.uses, 0::bigint) + carried.uses
             OR g.total_bonus_issued <> coalesce(actual.bonus, 0::numeric) + carried.bonus
          ORDER BY g.id
       ) AS drifted;
