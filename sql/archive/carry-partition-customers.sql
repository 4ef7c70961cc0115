-- The same for their customers.
:carry_customers((SELECT p.* FROM :"part_schema".:"part" AS p
                   WHERE EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = p.:"promo_code_id")) AS o);
