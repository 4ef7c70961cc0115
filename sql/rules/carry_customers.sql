-- carry_customers(uses): the same for their customers.
INSERT INTO :"library".promo_code_carried_customers AS carried (promo_code_id, customer_address, uses)
SELECT o.:"promo_code_id", :customer(o), count(*)
  FROM $uses
 WHERE o.:"promo_code_id" IS NOT NULL AND :customer(o) IS NOT NULL AND :counts(o)
 GROUP BY o.:"promo_code_id", :customer(o)
 ORDER BY o.:"promo_code_id", :customer(o)
    ON CONFLICT ON CONSTRAINT promo_code_carried_customers_pkey DO UPDATE SET uses = carried.uses + excluded.uses
