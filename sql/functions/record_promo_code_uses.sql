-- Inserts the uses that redeem_promo_codes has accepted, in one statement, so that the triggers count once.
CREATE OR REPLACE FUNCTION :"schema".record_promo_code_uses(use_ids bigint[], code_ids bigint[], customers text[], transactions text[], bases numeric[], bonuses numeric[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $body$
-- pg-promo-codes 1
BEGIN
  INSERT INTO :"schema".promo_code_uses (id, promo_code_id, customer_address, shop_id, transaction_id, base_reward,
                                         bonus_amount, total_reward, used_at)
  OVERRIDING SYSTEM VALUE
  SELECT n.use_id, n.code_id, n.customer, c.shop_id, n.transaction, n.base, n.bonus, n.base + n.bonus, now()
    FROM unnest(use_ids, code_ids, customers, transactions, bases, bonuses)
           AS n(use_id, code_id, customer, transaction, base, bonus)
    JOIN :"schema".promo_codes AS c ON c.id = n.code_id;
END
$body$;
