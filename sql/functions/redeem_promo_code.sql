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
  -- Shows to how many places a column rounds.
  fine CONSTANT numeric := 1.00000095367431640625;
  wait_here boolean := current_setting('lock_timeout') = '0';
  setting text;
  of_uses bigint;
  call_lock bigint;
  who text := lower(btrim(coalesce(of_customer, use_row.customer_address::text)));
  code record;
  mine bigint := 0;
  accepted boolean := false;
  answer text;
  -- Nothing but a look keeps an id from standing in two partitions, and record_promo_code_uses takes it.
  partitioned boolean := pg_partition_root(to_regclass('promo_code_uses')) IS NOT NULL;
BEGIN
  IF wait_here THEN
    setting := set_config('lock_timeout', lock_wait_ms::text, true);
  END IF;
  IF call_ids IS NOT NULL THEN
    of_uses := to_regclass('promo_code_uses')::oid::bigint;
    FOR k IN 1 .. cardinality(call_ids) - 1 LOOP
      PERFORM pg_advisory_xact_lock_shared(hashint8extended(call_ids[k], of_uses));
    END LOOP;
    call_lock := hashint8extended(call_ids[cardinality(call_ids)], of_uses);
    -- As an expression it is no statement of its own.
    IF NOT pg_try_advisory_xact_lock(call_lock) THEN
      PERFORM pg_advisory_xact_lock(call_lock);
    END IF;
  END IF;

  -- The present at the precision of the columns: a date means its whole day.
  code_row.start_date := now();
  code_row.end_date := now();
  SELECT c.id, c.shop_id, c.total_usage_limit, c.per_customer_limit, coalesce(c.times_used, 0) AS times_used,
         :"schema".promo_code_is_percentage(c.bonus_type::text) AS is_percentage, c.bonus_value::numeric AS bonus_value,
         c.is_active IS TRUE AND coalesce(c.start_date <= code_row.start_date, true)
           AND coalesce(c.end_date >= code_row.end_date, true) AS is_open, c.max_bonus::numeric AS max_bonus
    INTO code
    FROM :"schema".promo_codes AS c
   WHERE c.shop_id::text = in_shop AND upper(c.code::text) = upper(btrim(coalesce(wanted, code_row.code::text))) AND c.code::text = btrim(wanted)
   ORDER BY c.id
   LIMIT 1
     FOR NO KEY UPDATE;
  IF FOUND AND NOT partitioned AND code.is_open AND (code.is_percentage IS NOT NULL OR on_bonus IS NOT NULL)
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
      VALUES (in_shop, key, :"schema".promo_code_fingerprint(wanted, who, on_base, on_bonus, in_transaction, NULL), new_id,
              code.id, who)
          ON CONFLICT DO NOTHING;
      accepted := FOUND;
    END IF;
  END IF;

  IF accepted THEN
    use_row.base_reward := on_base;
    use_row.bonus_amount := fine;
    use_row.total_reward := fine;
    code_row.total_bonus_issued := fine;
    use_row.bonus_amount := :"schema".promo_code_bonus(
      on_bonus, code.is_percentage, code.bonus_value, code.max_bonus, use_row.base_reward::numeric,
      least(scale(use_row.bonus_amount::numeric), scale(use_row.total_reward::numeric),
            scale(code_row.total_bonus_issued::numeric)));
    use_row.customer_address := who;
    use_row.transaction_id := in_transaction;
    INSERT INTO :"schema".promo_code_uses AS u (id, promo_code_id, customer_address, shop_id, transaction_id, base_reward,
                                                bonus_amount, total_reward, used_at)
    OVERRIDING SYSTEM VALUE
    VALUES (new_id, code.id, use_row.customer_address, code.shop_id, use_row.transaction_id, use_row.base_reward,
            use_row.bonus_amount, use_row.base_reward::numeric + use_row.bonus_amount::numeric, now())
    RETURNING array_to_json(ARRAY[ARRAY[
                '1', 'redeemed', u.id::text, u.promo_code_id::text, u.customer_address::text, u.shop_id::text,
                u.transaction_id::text, u.base_reward::text, u.bonus_amount::text, u.total_reward::text,
                extract(epoch FROM u.used_at)::text, NULL]])::text
      INTO answer;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'a trigger on promo_code_uses kept a use from being inserted' USING ERRCODE = 'PC008';
    END IF;
  ELSE
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
