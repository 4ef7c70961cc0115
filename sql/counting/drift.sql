-- Every code whose counters differ from its rows, and every id that has uses but no code (those without code and shop).
-- No row: no drift. It is one statement on purpose: with one snapshot there is no false alarm under load, because a
-- counter and its rows change in the same transaction.
SELECT coalesce(c.:"code_id", actual.code) AS promo_code_id,
       c.:"code" AS code,
       c.:"code_shop_id" AS shop_id,
       c.:"times_used" AS times_used,
       coalesce(actual.uses, 0::bigint) AS actual_uses,
       c.:"total_bonus_issued" AS total_bonus_issued,
       CASE WHEN scale(coalesce(actual.bonus, 0::numeric)) < shown.scale THEN round(coalesce(actual.bonus, 0::numeric), shown.scale)
            ELSE coalesce(actual.bonus, 0::numeric) END AS actual_bonus
  FROM (
         SELECT u.:"promo_code_id" AS code, count(*) AS uses, coalesce(sum(u.:"bonus_amount"::numeric), 0::numeric) AS bonus
           FROM :"uses" AS u
          WHERE u.:"promo_code_id" IS NOT NULL AND :counts(u) AND :uses_filter
          GROUP BY u.:"promo_code_id"
       ) AS actual
  FULL JOIN (SELECT * FROM :"codes" AS c WHERE :codes_filter) AS c ON c.:"code_id" = actual.code
  LEFT JOIN (
         -- The decimal places of the column, so that a sum is shown as the counter is: 5.00, not 5 or 0.
         SELECT CASE WHEN a.atttypmod >= 4 THEN (a.atttypmod - 4) & 1023 ELSE 0 END AS scale
           FROM pg_catalog.pg_attribute AS a
           JOIN pg_catalog.pg_class AS t ON t.oid = a.attrelid AND t.relname = :'codes_name'::pg_catalog.name
           JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = :'schema'::pg_catalog.name
          WHERE a.attname = :'total_bonus_issued'::pg_catalog.name
       ) AS shown ON true
 WHERE :differs(c, coalesce(actual.uses, 0::bigint), coalesce(actual.bonus, 0::numeric))
 :order_and_limit;
