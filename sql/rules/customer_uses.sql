-- customer_uses(code_id, customer, at_most, condition): how many uses u of a code a customer (as it is compared) has, for
-- which the condition holds. In the order of the index, so that no planner prefers an index on promo_code_id alone, however
-- little it knows of the table; and no more rows than matter.
(SELECT count(*)
   FROM (SELECT FROM :"schema".promo_code_uses AS u
          WHERE u.promo_code_id = $code_id AND :folded(u.customer_address::text) >= $customer
            AND :folded(u.customer_address::text) <= $customer AND $condition
          ORDER BY :folded(u.customer_address::text)
          LIMIT $at_most) AS own)
