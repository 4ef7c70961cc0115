-- Redeems one request on the shortest path: where nothing speaks against it, it is recorded by four small statements.
-- Everything else (a refusal, holds that have to give way, a key that is known) is left to redeem_promo_codes, under the
-- lock that is taken here. Arguments and answer are those of one request there.
CREATE OR REPLACE FUNCTION :"schema".redeem_promo_code(wanted text, in_shop text, of_customer text, on_base numeric, on_bonus numeric, in_transaction text, key text, new_id bigint, call_ids bigint[], lock_wait_ms integer)
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
  -- Of the types and collations of the host's columns: a field makes of a value what the column would make of it, and what
  -- is compared with a column is folded as the column is.
  use_row :"schema".promo_code_uses%ROWTYPE;
  code_row :"schema".promo_codes%ROWTYPE;
  wait_here boolean := current_setting('lock_timeout') = '0';
  setting text;
  call_lock bigint;
  who text := lower(btrim(coalesce(of_customer, use_row.customer_address::text)));
  code record;
  mine bigint := 0;
  amount numeric;
  accepted boolean := false;
  answer text;
  -- Nothing but a look keeps an id from standing in two partitions, and record_promo_code_uses takes it; so it does with
  -- columns that do not take a text as it is.
  plain boolean := pg_partition_root('promo_code_uses'::regclass) IS NULL
                   AND pg_typeof(use_row.customer_address) IN ('text'::regtype, 'varchar'::regtype)
                   AND pg_typeof(use_row.transaction_id) IN ('text'::regtype, 'varchar'::regtype);
BEGIN
  IF wait_here THEN
    setting := set_config('lock_timeout', lock_wait_ms::text, true);
  END IF;
  IF call_ids IS NOT NULL THEN
    IF call_ids[2] IS NOT NULL THEN
      PERFORM pg_advisory_xact_lock_shared(hashint8extended(earlier.id, 'promo_code_uses'::regclass::oid::bigint))
         FROM unnest(trim_array(call_ids, 1)) AS earlier(id);
    END IF;
    call_lock := hashint8extended(call_ids[cardinality(call_ids)], 'promo_code_uses'::regclass::oid::bigint);
    -- As an expression it is no statement of its own.
    IF NOT pg_try_advisory_xact_lock(call_lock) THEN
      PERFORM pg_advisory_xact_lock(call_lock);
    END IF;
  END IF;

  -- A code whose dates say less than a moment is looked at more closely where this finds it closed.
  SELECT c.id, c.shop_id, c.total_usage_limit, c.per_customer_limit, coalesce(c.times_used, 0) AS times_used,
         :"schema".promo_code_is_percentage(c.bonus_type::text) AS is_percentage, c.bonus_value::numeric AS bonus_value,
         scale(trim_scale(c.bonus_value::numeric)) = 0 AS is_whole,
         c.is_active IS TRUE AND coalesce(c.start_date::timestamptz <= now(), true)
           AND coalesce(c.end_date::timestamptz >= now(), true) AS is_open, c.max_bonus::numeric AS max_bonus
    INTO code
    FROM :"schema".promo_codes AS c
   WHERE c.shop_id::text = in_shop AND upper(c.code::text) = upper(btrim(coalesce(wanted, code_row.code::text))) AND c.code::text = btrim(wanted)
   ORDER BY c.id
   LIMIT 1
     FOR NO KEY UPDATE;
  IF FOUND AND plain AND code.is_open AND (code.is_percentage IS NOT NULL OR on_bonus IS NOT NULL)
     AND (code.total_usage_limit IS NULL OR code.times_used < code.total_usage_limit) THEN
    IF code.per_customer_limit IS NOT NULL THEN
      SELECT count(*) INTO mine
        FROM (SELECT FROM :"schema".promo_code_uses AS u
               WHERE u.promo_code_id = code.id AND lower(btrim(u.customer_address::text)) >= who
                 AND lower(btrim(u.customer_address::text)) <= who
               ORDER BY lower(btrim(u.customer_address::text))
               LIMIT greatest(code.per_customer_limit, 0)) AS own;
    END IF;
    accepted := code.per_customer_limit IS NULL OR mine < code.per_customer_limit;
    IF accepted AND key IS NOT NULL THEN
      INSERT INTO :"schema".promo_code_idempotency_keys AS e (shop_id, idempotency_key, fingerprint, use_id, promo_code_id,
                                                              customer_address)
      SELECT in_shop, key, :"schema".promo_code_fingerprint(wanted, who, on_base, on_bonus, in_transaction, NULL), new_id,
             code.id, who
       WHERE NOT EXISTS (SELECT FROM :"schema".promo_code_holds AS h WHERE h.use_id = new_id AND h.released_at IS NOT NULL)
          ON CONFLICT DO NOTHING;
      accepted := FOUND;
    END IF;
  END IF;

  IF accepted THEN
    -- Whole amounts need no rounding.
    amount := coalesce(on_bonus, CASE WHEN code.is_whole AND NOT code.is_percentage THEN code.bonus_value END);
    IF amount IS NULL THEN
      -- What the columns make of so many places shows how many they have.
      use_row.bonus_amount := 1.00000095367431640625;
      use_row.total_reward := 1.00000095367431640625;
      code_row.total_bonus_issued := 1.00000095367431640625;
      amount := :"schema".promo_code_bonus(
        NULL, code.is_percentage, code.bonus_value, code.max_bonus, on_base,
        least(scale(use_row.bonus_amount::numeric), scale(use_row.total_reward::numeric),
              scale(code_row.total_bonus_issued::numeric)));
    END IF;
    INSERT INTO :"schema".promo_code_uses AS u (id, promo_code_id, customer_address, shop_id, transaction_id, base_reward,
                                                bonus_amount, total_reward, used_at)
    OVERRIDING SYSTEM VALUE
    -- Not under an id whose use was taken back: this may be a request that the network delivers late.
    SELECT new_id, code.id, who, code.shop_id, in_transaction, on_base, amount, on_base + amount, now()
     WHERE NOT EXISTS (SELECT FROM :"schema".promo_code_holds AS h WHERE h.use_id = new_id AND h.released_at IS NOT NULL)
    RETURNING array_to_json(ARRAY[ARRAY[
                '1', 'redeemed', u.id::text, u.promo_code_id::text, u.customer_address::text, u.shop_id::text,
                u.transaction_id::text, u.base_reward::text, u.bonus_amount::text, u.total_reward::text,
                extract(epoch FROM u.used_at)::text, NULL]])::text
      INTO answer;
    -- Without a key it may be the id that kept it out.
    IF answer IS NULL AND key IS NOT NULL THEN
      RAISE EXCEPTION 'a trigger on promo_code_uses kept a use from being inserted' USING ERRCODE = 'PC008';
    END IF;
  END IF;
  IF answer IS NULL THEN
    answer := :"schema".redeem_promo_codes(
      ARRAY[wanted], ARRAY[in_shop], '{1}', ARRAY[of_customer], ARRAY[on_base], ARRAY[on_bonus], ARRAY[in_transaction],
      ARRAY[key], ARRAY[new_id], '{}', '{}', false, false, NULL, lock_wait_ms);
  END IF;
  IF wait_here THEN
    setting := set_config('lock_timeout', '0', true);
  END IF;
  RETURN answer;
END
$body$;
