-- psql -v schema=public -f sql/drift.sql
--
-- Every code whose counters differ from its rows, and every id that has uses but no code (those without code and shop).
-- No row: no drift. It is one statement on purpose: with one snapshot there is no false alarm under load, because a
-- counter and its rows change in the same transaction.
\if :{?schema} \else \set schema public \endif
\set uses_filter TRUE
\set codes_filter TRUE
\set order_and_limit 'ORDER BY 1'
SELECT coalesce(c.:"code_id", actual.promo_code_id) AS promo_code_id,
       c.:"code",
       c.:"code_shop_id",
       c.:"times_used",
       coalesce(actual.uses, 0) AS actual_uses,
       c.:"total_bonus_issued",
       CASE WHEN scale(coalesce(actual.bonus, 0)) < shown.scale THEN round(coalesce(actual.bonus, 0), shown.scale)
            ELSE coalesce(actual.bonus, 0) END AS actual_bonus
  FROM (
         SELECT u.:"promo_code_id", count(*) AS uses, coalesce(sum(u.:"bonus_amount"), 0)::numeric AS bonus
           FROM :"uses" AS u
          WHERE u.:"promo_code_id" IS NOT NULL AND :uses_filter
          GROUP BY u.:"promo_code_id"
       ) AS actual
  FULL JOIN (SELECT * FROM :"codes" AS c WHERE :codes_filter) AS c ON c.:"code_id" = actual.promo_code_id
 LEFT JOIN (
         -- The decimal places of the column, so that a sum is shown as the counter is: 5.00, not 5 or 0.
         SELECT CASE WHEN a.atttypmod >= 4 THEN (a.atttypmod - 4) & 1023 ELSE 0 END AS scale
           FROM pg_catalog.pg_attribute AS a
           JOIN pg_catalog.pg_class AS t ON t.oid = a.attrelid AND t.relname = 'promo_codes'
           JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = :'schema'
          WHERE a.attname = 'total_bonus_issued'
       ) AS shown ON true
 WHERE c.:"times_used" IS DISTINCT FROM coalesce(actual.uses, 0)
    OR c.:"total_bonus_issued" IS DISTINCT FROM coalesce(actual.bonus, 0)
 :order_and_limit;
