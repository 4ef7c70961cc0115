-- Makes the counters true: each code that differs is locked and recounted by the next statement inside the function.
SELECT count(*) FILTER (WHERE :"library".recount_promo_code_stats(drifted.id)) AS repaired_codes
  FROM (
         SELECT c.:"code_id"
           FROM :"codes" AS c
           LEFT JOIN (
                  SELECT u.:"promo_code_id", count(*) AS uses, coalesce(sum(u.:"bonus_amount"), 0) AS bonus
                    FROM :"uses" AS u
                   GROUP BY u.:"promo_code_id"
                ) AS actual ON actual.promo_code_id = c.:"code_id"
          WHERE c.:"times_used" IS DISTINCT FROM coalesce(actual.uses, 0)
             OR c.:"total_bonus_issued" IS DISTINCT FROM coalesce(actual.bonus, 0)
          ORDER BY c.:"code_id"
       ) AS drifted;
