-- record_uses(requests): records uses for rows named q, each with id, code_id, customer, transaction, base and given (the
-- bonus). OFFSET 0 keeps the planner from reading all codes.
:insert_uses(
  q.id, a.code_id, q.customer, a.shop, q.transaction, q.base, a.bonus,
  FROM $requests
 CROSS JOIN LATERAL (SELECT c.id AS code_id, c.shop_id AS shop, :bonus(q.given, q.base) AS bonus
                       FROM :"schema".promo_codes AS c
                      WHERE c.id = q.code_id
                     OFFSET 0) AS a)
