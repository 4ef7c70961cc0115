-- Inserts what redeem_promo_codes_in_order has accepted, in one statement, so that the triggers count once, and answers the
-- rows as the table took them. Its caller knows which request each of them answers by the id. It runs under the settings of
-- redeem_promo_codes.
CREATE OR REPLACE FUNCTION :"schema".record_promo_code_uses(use_ids bigint[], code_ids bigint[], customers text[], transactions text[], bases numeric[], bonuses numeric[], hold_seconds integer[])
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Empty as a rule: nothing is held.
  with_holds boolean := cardinality(hold_seconds) > 0;
  recorded bigint;
BEGIN
  -- The key of a partitioned table does not keep an id from coming twice: by a first attempt that the server begins to run
  -- only after its repetition.
  IF pg_partition_root(to_regclass('promo_code_uses')) IS NOT NULL
     AND EXISTS (SELECT FROM :"schema".promo_code_uses AS u WHERE u.id = ANY (use_ids)) THEN
    RAISE EXCEPTION 'an id of promo_code_uses is in use already'
      USING ERRCODE = 'unique_violation', TABLE = 'promo_code_uses', DETAIL = 'Key (id)=(reserved) exists.';
  END IF;
  IF with_holds THEN
    INSERT INTO :"schema".promo_code_holds (use_id, promo_code_id, customer_address, expires_at)
    SELECT n.use_id, n.code_id, lower(n.customer), clock_timestamp() + make_interval(secs => n.seconds)
      FROM unnest(use_ids, code_ids, customers, hold_seconds) AS n(use_id, code_id, customer, seconds)
     WHERE n.seconds IS NOT NULL;
  END IF;
  RETURN QUERY
    INSERT INTO :"schema".promo_code_uses AS u (id, promo_code_id, customer_address, shop_id, transaction_id, base_reward,
                                                bonus_amount, total_reward, used_at)
    OVERRIDING SYSTEM VALUE
    SELECT n.use_id, n.code_id, n.customer, c.shop_id, n.transaction, n.base, n.bonus, n.base + n.bonus, now()
      FROM unnest(use_ids, code_ids, customers, transactions, bases, bonuses)
             AS n(use_id, code_id, customer, transaction, base, bonus)
     CROSS JOIN LATERAL (SELECT c.shop_id FROM :"schema".promo_codes AS c WHERE c.id = n.code_id OFFSET 0) AS c
    RETURNING NULL::integer, 'redeemed', u.id::text, u.promo_code_id::text, u.customer_address::text, u.shop_id::text,
              u.transaction_id::text, u.base_reward::text, u.bonus_amount::text, u.total_reward::text,
              extract(epoch FROM u.used_at)::text,
              CASE WHEN with_holds THEN (SELECT extract(epoch FROM h.expires_at)::text
                                           FROM :"schema".promo_code_holds AS h WHERE h.use_id = u.id) END;
  GET DIAGNOSTICS recorded = ROW_COUNT;
  IF recorded <> cardinality(use_ids) THEN
    RAISE EXCEPTION 'a trigger on promo_code_uses kept a use from being inserted' USING ERRCODE = 'PC008';
  END IF;
END
$body$;
