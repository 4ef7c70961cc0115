-- requested_uses(requests, may_be_capped): the rows named q, each with id, code_id, customer, transaction, base and given (the bonus),
-- and what their codes make of them; may_be_capped: whether their campaigns have a say in it. OFFSET 0 keeps the planner from reading
-- all codes.
FROM $requests
CROSS JOIN LATERAL (SELECT c.:"code_id" AS code_id, c.:"code_shop_id" AS shop,
                           least(:bonus_paid(q.given, q.base), CASE WHEN $may_be_capped THEN :campaign_cap() END) AS bonus
                      FROM :"codes" AS c
                     WHERE c.:"code_id" = q.code_id
                    OFFSET 0) AS a
