-- Redeems one request on the shortest path: where nothing speaks against it, it is recorded by four small statements.
-- Everything else (most refusals, holds that have to give way, a key that is known) is left to redeem_promo_codes, under the
-- lock that is taken here. Arguments and answer are those of one request there.
CREATE OR REPLACE FUNCTION :"library".redeem_promo_code(wanted text, in_shop text, of_customer text, on_base numeric, on_bonus numeric, in_transaction text, key text, new_id :use_id_type, call_ids bigint[], lock_wait_ms integer)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
SET enable_seqscan = off
SET enable_sort = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  session_wait text := current_setting('lock_timeout');
  wait_here boolean := session_wait = '0';
  setting text;
  code record;
  campaign_id bigint;
  campaign record;
  accepted boolean := false;
  answer text;
  /*if used_at*/
  lately :"uses".:"used_at"%TYPE;
  /*fi*/
BEGIN
  :limit_wait();
  -- As an expression it is no statement of its own.
  IF call_ids IS NOT NULL AND (call_ids[2] IS NOT NULL OR NOT pg_try_advisory_xact_lock(:call_lock(call_ids[1]))) THEN
    PERFORM :"library".wait_for_promo_code_call(call_ids);
  END IF;

  -- A code whose dates say less than a moment is looked at more closely where this finds it closed. Columns that do not take a text as
  -- it is are left to record_promo_code_uses.
  SELECT c.:"code_id" AS id, c.:"code_shop_id" AS shop, c.:"per_customer_limit"::bigint AS customer_limit, :asked_customer(of_customer) AS who,
         :bonus(on_bonus, on_base) AS bonus, coalesce(:room() > 0::bigint, true) AS has_room, :has_rules() AS has_rules,
         :code_refusal(now(), now()) IS NULL AND (on_bonus IS NOT NULL OR :"library".promo_code_is_percentage(c.:"bonus_type"::text) IS NOT NULL)
           AND :"library".promo_code_is_text((CAST(NULL AS :"uses")).:"customer_address")
           /*if transaction_id*/ AND :"library".promo_code_is_text((CAST(NULL AS :"uses")).:"transaction_id") /*fi*/ AS is_open
    INTO code
    FROM :"codes" AS c
   WHERE :code_is(in_shop, wanted) AND c.:"code"::text = btrim(wanted)
   ORDER BY upper(c.:"code"::text), c.:"code_id"
   LIMIT 1
     FOR NO KEY UPDATE;
  /*if not times_used*/
  -- The statement that waited for the lock has counted with an older snapshot.
  IF FOUND THEN
    SELECT coalesce(:room() > 0::bigint, true) INTO STRICT code.has_room FROM :"codes" AS c WHERE c.:"code_id" = code.id;
  END IF;
  /*fi*/
  /*if max_total_bonus or min_base_reward or code_customer_address*/
  IF code.is_open AND code.has_rules THEN
    SELECT :is_for(code.who) AND NOT :is_below(on_base) AND (c.:"max_total_bonus" IS NULL OR :fits_budget(code.bonus, :budget_left()))
      INTO STRICT code.is_open FROM :"codes" AS c WHERE c.:"code_id" = code.id;
  END IF;
  /*fi*/
  IF code.is_open AND :has_campaigns() THEN
    -- A later statement than the one that waits for the lock.
    campaign_id := :campaign_of(code.id);
  END IF;
  IF campaign_id IS NOT NULL THEN
    SELECT g.per_customer_limit AS customer_limit,
           :campaign_refusal() IS NULL AND coalesce(:campaign_room() > 0::bigint, true)
             AND :fits_budget(code.bonus, :campaign_budget_left()) AS is_open
      INTO campaign
      FROM :"library".promo_code_campaigns AS g
     WHERE g.id = campaign_id
       FOR NO KEY UPDATE;
    -- None: it was deleted meanwhile.
    IF FOUND THEN
      code.is_open := campaign.is_open;
      IF campaign.is_open AND campaign.customer_limit IS NOT NULL THEN
        code.is_open := :campaign_customer_uses(campaign_id, code.who, greatest(campaign.customer_limit, 0::bigint), true)
                        < campaign.customer_limit;
      END IF;
    END IF;
  END IF;
  IF code.is_open AND code.has_room THEN
    accepted := code.customer_limit IS NULL
                OR :customer_uses(code.id, code.who, greatest(code.customer_limit, 0::bigint), true) < code.customer_limit;
    :require_free_ids(accepted, u.:"use_id" = new_id)
    IF accepted AND key IS NOT NULL THEN
      :take_keys(
        in_shop, key, :"library".promo_code_fingerprint(wanted, code.who, on_base, on_bonus, in_transaction, NULL, NULL), new_id,
        code.id, code.who,
        WHERE NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.use_id = new_id AND h.released_at IS NOT NULL));
      accepted := FOUND;
    END IF;
  ELSIF code.is_open AND campaign_id IS NULL AND key IS NULL
        AND NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.promo_code_id = code.id AND h.released_at IS NULL)
        AND NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.use_id = new_id) THEN
    -- As redeem_promo_codes would, where nobody gives way and nothing was asked before.
    answer := pg_catalog.array_to_json(ARRAY[:used_up(1, code.id)])::text;
  END IF;

  IF accepted THEN
    -- Not under an id whose use was taken back: this may be a request that the network delivers late.
    :insert_uses(
      new_id, code.id, code.who, code.shop, in_transaction, on_base, code.bonus,
      WHERE NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.use_id = new_id AND h.released_at IS NOT NULL))
    RETURNING pg_catalog.array_to_json(ARRAY[ARRAY['1', 'redeemed', :use_texts(), NULL]])::text INTO answer;
  END IF;
  IF answer IS NOT NULL AND campaign_id IS NOT NULL THEN
    answer := pg_catalog.concat(pg_catalog.left(answer, -1), ',',
                                pg_catalog.array_to_json(ARRAY[NULL, 'campaign', pg_catalog.array_to_json(ARRAY[code.id::text])::text,
                                                           campaign_id::text])::text, ']');
  END IF;
  IF answer IS NULL THEN
    -- Without a key it may be the id that kept it out.
    IF accepted AND key IS NOT NULL THEN
      RAISE EXCEPTION 'a trigger of the host kept a use from being inserted' USING ERRCODE = 'PC008';
    END IF;
    answer := :"library".redeem_promo_codes(
      ARRAY[wanted], ARRAY[in_shop], '{1}', ARRAY[of_customer], ARRAY[on_base], ARRAY[on_bonus], ARRAY[in_transaction],
      ARRAY[key], ARRAY[new_id], '{}', '{}', false, false, NULL, lock_wait_ms, '{}');
  END IF;
  IF wait_here THEN
    setting := set_config('lock_timeout', session_wait, true);
  END IF;
  RETURN answer;
END
$body$;
