-- Redeems one request on the shortest path: where nothing speaks against it, it is recorded by four small statements.
-- Everything else (a refusal, holds that have to give way, a key that is known) is left to redeem_promo_codes, under the
-- lock that is taken here. Arguments and answer are those of one request there.
CREATE OR REPLACE FUNCTION :"library".redeem_promo_code(wanted text, in_shop text, of_customer text, on_base numeric, on_bonus numeric, in_transaction text, key text, new_id bigint, call_ids bigint[], lock_wait_ms integer)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET enable_seqscan = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- A longer wait than that of the caller would go on after the caller has given up.
  session_wait text := current_setting('lock_timeout');
  wait_here boolean := session_wait = '0' OR session_wait::interval > make_interval(secs => lock_wait_ms * 0.001);
  setting text;
  code record;
  mine bigint := 0;
  amount numeric;
  accepted boolean := false;
  answer text;
BEGIN
  IF wait_here THEN
    setting := set_config('lock_timeout', lock_wait_ms::text, true);
  END IF;
  -- As an expression it is no statement of its own.
  IF call_ids IS NOT NULL
     AND (call_ids[2] IS NOT NULL
          OR NOT pg_try_advisory_xact_lock(hashint8extended(call_ids[1], :'uses'::regclass::oid::bigint))) THEN
    PERFORM pg_advisory_xact_lock_shared(hashint8extended(earlier.id, :'uses'::regclass::oid::bigint))
       FROM unnest(trim_array(call_ids, 1)) AS earlier(id);
    PERFORM pg_advisory_xact_lock(
      hashint8extended(call_ids[cardinality(call_ids)], :'uses'::regclass::oid::bigint));
  END IF;

  -- A code whose dates say less than a moment is looked at more closely where this finds it closed. The columns of a NULL row
  -- have their types and collations, as what is compared with a column is folded as the column is; they are gone when the
  -- statement is planned. Nothing but a look keeps an id from standing in two partitions, and record_promo_code_uses takes
  -- it; so it does with columns that do not take a text as it is.
  SELECT c.:"code_id", c.:"code_shop_id", c.:"per_customer_limit", :"library".promo_code_is_percentage(c.:"bonus_type"::text) AS is_percentage,
         c.:"bonus_value"::numeric AS bonus_value, c.:"max_bonus"::numeric AS max_bonus,
         lower(btrim(coalesce(of_customer, (CAST(NULL AS :"uses")).:"customer_address"::text))) AS who,
         c.:"is_active" IS TRUE AND coalesce(c.:"start_date"::timestamptz <= now(), true)
           AND coalesce(c.:"end_date"::timestamptz >= now(), true)
           AND (c.:"total_usage_limit" IS NULL OR coalesce(c.:"times_used", 0) < c.:"total_usage_limit")
           AND pg_partition_root(:'uses'::regclass) IS NULL
           AND :"library".promo_code_is_text((CAST(NULL AS :"uses")).:"customer_address")
           AND :"library".promo_code_is_text((CAST(NULL AS :"uses")).:"transaction_id") AS is_open
    INTO code
    FROM :"codes" AS c
   WHERE c.:"code_shop_id"::text = in_shop
     AND upper(c.:"code"::text) = upper(btrim(coalesce(wanted, (CAST(NULL AS :"codes")).:"code"::text)))
     AND c.:"code"::text = btrim(wanted)
   ORDER BY c.:"code_id"
   LIMIT 1
     FOR NO KEY UPDATE;
  IF FOUND AND code.is_open AND (code.is_percentage IS NOT NULL OR on_bonus IS NOT NULL) THEN
    accepted := true;
    IF code.per_customer_limit IS NOT NULL THEN
      SELECT count(*) INTO mine
        FROM (SELECT FROM :"uses" AS u
               WHERE u.:"promo_code_id" = code.id AND lower(btrim(u.:"customer_address"::text)) >= code.who
                 AND lower(btrim(u.:"customer_address"::text)) <= code.who
               ORDER BY lower(btrim(u.:"customer_address"::text))
               LIMIT greatest(code.per_customer_limit, 0)) AS own;
      accepted := mine < code.per_customer_limit;
    END IF;
    IF accepted AND key IS NOT NULL THEN
      INSERT INTO :"library".promo_code_idempotency_keys AS e (shop_id, idempotency_key, fingerprint, use_id, promo_code_id,
                                                              customer_address)
      SELECT in_shop, key, :"library".promo_code_fingerprint(wanted, code.who, on_base, on_bonus, in_transaction, NULL), new_id,
             code.id, code.who
       WHERE NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.use_id = new_id AND h.released_at IS NOT NULL)
          ON CONFLICT DO NOTHING;
      accepted := FOUND;
    END IF;
  END IF;

  IF accepted THEN
    amount := :"library".promo_code_bonus(
      on_bonus, code.is_percentage, code.bonus_value, code.max_bonus, on_base,
      :"library".promo_code_places(:'uses'::regclass, :'codes'::regclass));
    INSERT INTO :"uses" AS u (:"use_id", :"promo_code_id", :"customer_address", :"use_shop_id", :"transaction_id", :"base_reward", :"bonus_amount", :"total_reward", :"used_at")
    OVERRIDING SYSTEM VALUE
    -- Not under an id whose use was taken back: this may be a request that the network delivers late.
    SELECT new_id, code.id, code.who, code.shop_id, in_transaction, on_base, amount, on_base + amount, now()
     WHERE NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.use_id = new_id AND h.released_at IS NOT NULL)
    RETURNING array_to_json(ARRAY[ARRAY[
                '1', 'redeemed', u.:"use_id"::text, u.:"promo_code_id"::text, u.:"customer_address"::text, u.:"use_shop_id"::text,
                u.:"transaction_id"::text, u.:"base_reward"::text, u.:"bonus_amount"::text, u.:"total_reward"::text,
                extract(epoch FROM u.:"used_at")::text, NULL]])::text
      INTO answer;
  END IF;
  IF answer IS NULL THEN
    -- Without a key it may be the id that kept it out.
    IF accepted AND key IS NOT NULL THEN
      RAISE EXCEPTION 'a trigger on promo_code_uses kept a use from being inserted' USING ERRCODE = 'PC008';
    END IF;
    answer := :"library".redeem_promo_codes(
      ARRAY[wanted], ARRAY[in_shop], '{1}', ARRAY[of_customer], ARRAY[on_base], ARRAY[on_bonus], ARRAY[in_transaction],
      ARRAY[key], ARRAY[new_id], '{}', '{}', false, false, NULL, lock_wait_ms);
  END IF;
  IF wait_here THEN
    setting := set_config('lock_timeout', session_wait, true);
  END IF;
  RETURN answer;
END
$body$;
