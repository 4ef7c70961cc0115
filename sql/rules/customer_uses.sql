-- customer_uses(code_id, customer, at_most, condition): how many uses u of a code a customer (as it is compared) has, for
-- which the condition holds. In the order of the index on both columns, and where sorting is off (enable_sort): so no planner
-- prefers an index on promo_code_id alone, which reads all uses of the code, however little it knows of the table and whatever
-- size that had when the plan was made. No more rows are read than matter.
(SELECT count(*)
   FROM (SELECT FROM :"uses" AS u
          WHERE u.:"promo_code_id" = $code_id AND :folded(u.:"customer_address"::text) >= $customer
            AND :folded(u.:"customer_address"::text) <= $customer AND $condition AND :counts(u)
          ORDER BY :folded(u.:"customer_address"::text)
          LIMIT $at_most) AS own)
