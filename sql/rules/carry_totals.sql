-- carry_totals(uses): begins to carry forward what rows named o count. In the order of codes, as everybody takes them.
INSERT INTO :"library".promo_code_carried_totals AS carried (promo_code_id, uses, bonus, base_reward)
SELECT o.:"promo_code_id", count(*), coalesce(sum(:finite_bonus(o)), 0::numeric),
       coalesce(sum(CASE WHEN o.:"base_reward"::numeric > '-Infinity'::numeric AND o.:"base_reward"::numeric < 'Infinity'::numeric
                         THEN o.:"base_reward"::numeric END), 0::numeric)
  FROM $uses
 WHERE o.:"promo_code_id" IS NOT NULL AND :counts(o)
 GROUP BY o.:"promo_code_id"
 ORDER BY o.:"promo_code_id"
    ON CONFLICT ON CONSTRAINT promo_code_carried_totals_pkey DO UPDATE
   SET uses = carried.uses + excluded.uses, bonus = carried.bonus + excluded.bonus,
       base_reward = carried.base_reward + excluded.base_reward
