-- Inserts what redeem_promo_codes_in_order has accepted, in one statement, so that the triggers count once, and answers the
-- rows as the table took them. Its caller knows which request each of them answers by the id. It runs under the settings of
-- redeem_promo_codes. Customers come folded, amounts rounded.
CREATE OR REPLACE FUNCTION :"library".record_promo_code_uses(use_ids bigint[], code_ids bigint[], customers text[], transactions text[], bases numeric[], bonuses numeric[], hold_seconds integer[])
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Of the types of the host's columns.
  use_row :"uses"%ROWTYPE;
  -- Empty as a rule: nothing is held.
  with_holds boolean := cardinality(hold_seconds) > 0;
  recorded bigint;
BEGIN
  -- The key of a partitioned table does not keep an id from coming twice: by a first attempt that the server begins to run
  -- only after its repetition.
  IF pg_partition_root(:'uses'::regclass) IS NOT NULL
     AND EXISTS (SELECT FROM :"uses" AS u WHERE u.:"use_id" = ANY (use_ids)) THEN
    RAISE EXCEPTION 'an id of promo_code_uses is in use already'
      USING ERRCODE = 'unique_violation', TABLE = 'promo_code_uses', DETAIL = 'Key (id)=(reserved) exists.';
  END IF;
  IF with_holds THEN
    -- A hold that has the id already is of a use that is gone: the use that is inserted below would not find the id free.
    INSERT INTO :"library".promo_code_holds AS h (use_id, promo_code_id, customer_address, expires_at, created_at)
    SELECT n.use_id, n.code_id, n.customer, clock_timestamp() + make_interval(secs => n.seconds), now()
      FROM unnest(use_ids, code_ids, customers, hold_seconds) AS n(use_id, code_id, customer, seconds)
     WHERE n.seconds IS NOT NULL
        ON CONFLICT ON CONSTRAINT promo_code_holds_pkey DO UPDATE
       SET promo_code_id = excluded.promo_code_id, customer_address = excluded.customer_address,
           expires_at = excluded.expires_at, created_at = excluded.created_at, released_at = NULL, released_as = NULL;
  END IF;
  RETURN QUERY
    INSERT INTO :"uses" AS u (:"use_id", :"promo_code_id", :"customer_address", :"use_shop_id", :"transaction_id", :"base_reward", :"bonus_amount", :"total_reward", :"used_at")
    OVERRIDING SYSTEM VALUE
    SELECT n.use_id, n.code_id, :"library".promo_code_value(n.customer, use_row.:"customer_address"), c.:"code_shop_id",
           :"library".promo_code_value(n.transaction, use_row.:"transaction_id"), n.base, n.bonus, n.base + n.bonus, now()
      FROM unnest(use_ids, code_ids, customers, transactions, bases, bonuses)
             AS n(use_id, code_id, customer, transaction, base, bonus)
     CROSS JOIN LATERAL (SELECT c.:"code_shop_id" FROM :"codes" AS c WHERE c.:"code_id" = n.code_id OFFSET 0) AS c
    RETURNING NULL::integer, 'redeemed', u.:"use_id"::text, u.:"promo_code_id"::text, u.:"customer_address"::text, u.:"use_shop_id"::text,
              u.:"transaction_id"::text, u.:"base_reward"::text, u.:"bonus_amount"::text, u.:"total_reward"::text,
              extract(epoch FROM u.:"used_at")::text,
              CASE WHEN with_holds THEN (SELECT extract(epoch FROM h.expires_at)::text
                                           FROM :"library".promo_code_holds AS h
                                          WHERE h.use_id = u.:"use_id" AND h.created_at = now() AND h.released_at IS NULL) END;
  GET DIAGNOSTICS recorded = ROW_COUNT;
  IF recorded <> cardinality(use_ids) THEN
    RAISE EXCEPTION 'a trigger on promo_code_uses kept a use from being inserted' USING ERRCODE = 'PC008';
  END IF;
END
$body$;
