-- requested_uses(requests): the rows named q, each with id, code_id, customer, transaction, base and given (the bonus), and what
-- their codes make of them. OFFSET 0 keeps the planner from reading all codes.
FROM $requests
CROSS JOIN LATERAL (SELECT c.:"code_id" AS code_id, c.:"code_shop_id" AS shop, :bonus_paid(q.given, q.base) AS bonus
                      FROM :"codes" AS c
                     WHERE c.:"code_id" = q.code_id
                    OFFSET 0) AS a
