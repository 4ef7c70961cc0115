-- Every code whose counters differ from its rows and what is carried forward, and every id that has uses but no code (those without code and shop).
-- No row: no drift. It is one statement on purpose: with one snapshot there is no false alarm under load, because a
-- counter and its rows change in the same transaction.
SELECT coalesce(c.:"code_id", actual.code) AS promo_code_id,
       c.:"code"::text AS code,
       c.:"code_shop_id"::text AS shop_id,
       c.:"times_used" AS times_used,
       coalesce(actual.uses, 0::bigint) + coalesce(carried.uses, 0::bigint) AS actual_uses,
       c.:"total_bonus_issued" AS total_bonus_issued,
       :as_shown((coalesce(actual.bonus, 0::numeric) + coalesce(carried.bonus, 0::numeric))) AS actual_bonus,
       'code'::text AS kind,
       NULL::bigint AS campaign_id
  FROM (
         SELECT u.:"promo_code_id" AS code, count(*) AS uses, coalesce(sum(u.:"bonus_amount"::numeric), 0::numeric) AS bonus
           FROM :"uses" AS u
          WHERE u.:"promo_code_id" IS NOT NULL AND :counts(u) AND :uses_filter
          GROUP BY u.:"promo_code_id"
       ) AS actual
  FULL JOIN (SELECT * FROM :"codes" AS c WHERE :codes_filter) AS c ON c.:"code_id" = actual.code
  LEFT JOIN :carried_forward AS carried ON carried.promo_code_id = c.:"code_id"
  LEFT JOIN :counter_scale() AS shown ON true
 WHERE :differs(c, coalesce(actual.uses, 0::bigint) + coalesce(carried.uses, 0::bigint),
                (coalesce(actual.bonus, 0::numeric) + coalesce(carried.bonus, 0::numeric)));
