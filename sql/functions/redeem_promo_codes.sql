-- Redeems: checks and records a batch of requests in one statement, in the order in which they stand there and with the
-- results that they would have had one after another. Every code is locked first, in the order of ids, and everything is
-- read by later statements, whose snapshots are newer than the locks. A refusal of one request undoes nothing of others.
--
-- requests: an array of {c: code, s: shop, a: customer, b: base reward, t: transaction, k: idempotency key, i: reserved
-- id of the use, h: seconds to hold, r: whether an earlier attempt may have recorded it, x: whether a
-- conflict of keys is an error (PC007) that undoes the whole batch}. call_id: the same number for
-- all attempts of one call, so that a repetition waits until the attempt before it has ended; NULL inside the host's
-- transaction. A request to hold stands alone in its batch. lock_wait_ms: how long to wait for a lock where the session sets no lock_timeout of its own.
--
-- Each row answers the request of that number: 'redeemed', 'found' (the use of an earlier attempt or of the same key),
-- 'key_conflict', 'id_taken', or the reason of a refusal.
CREATE OR REPLACE FUNCTION :"schema".redeem_promo_codes(requests jsonb, call_id bigint, lock_wait_ms integer)
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $body$
-- pg-promo-codes 1
#variable_conflict use_column
DECLARE
  wait_here boolean := current_setting('lock_timeout') = '0';
  locked record;
  r record;
  -- The code of each request; then, by its place among the locked codes, what is known of a code.
  code_of bigint[];
  code_ids bigint[] := '{}';
  states text[] := '{}';
  uses_now bigint[] := '{}';
  total_limits bigint[] := '{}';
  customer_limits bigint[] := '{}';
  percentages boolean[] := '{}';
  values_of numeric[] := '{}';
  caps numeric[] := '{}';
  -- Whether no expired hold of the code is left.
  swept boolean[] := '{}';
  -- By request: what the customer had of the code before this batch, and has gained in it.
  had bigint[] := '{}';
  gained bigint[] := '{}';
  -- Accepted, not inserted yet.
  new_ids bigint[] := '{}';
  new_codes bigint[] := '{}';
  new_customers text[] := '{}';
  new_transactions text[] := '{}';
  new_bases numeric[] := '{}';
  new_bonuses numeric[] := '{}';
  -- The answers.
  answered integer[] := '{}';
  outcomes text[] := '{}';
  answer_ids bigint[] := '{}';
  answer_codes bigint[] := '{}';
  answer text;
  answer_id bigint;
  k integer;
  mine bigint;
  own_hold bigint;
  freed bigint;
  amount numeric;
  fingerprint bytea;
  earlier record;
BEGIN
  IF wait_here THEN
    PERFORM set_config('lock_timeout', lock_wait_ms::text, true);
  END IF;
  IF call_id IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashint8extended(call_id, to_regclass('promo_code_uses')::oid::bigint));
  END IF;

  SELECT array_agg(c.id ORDER BY q.n) INTO code_of
    FROM ROWS FROM (jsonb_to_recordset(requests) AS (c text, s text)) WITH ORDINALITY AS q(code, shop, n)
    LEFT JOIN LATERAL (
           SELECT c.id
             FROM :"schema".promo_codes AS c
            WHERE c.shop_id::text = q.shop AND upper(c.code::text) = upper(btrim(q.code))
            ORDER BY c.code::text = btrim(q.code) DESC, c.id
            LIMIT 1
         ) AS c ON true;

  k := 0;
  FOR locked IN
    SELECT c.id, c.total_usage_limit, c.per_customer_limit, coalesce(c.times_used, 0) AS times_used,
           c.bonus_type::text = 'percentage' AS is_percentage, c.bonus_value, c.max_bonus,
           CASE WHEN c.is_active IS NOT TRUE THEN 'inactive'
                WHEN c.start_date::timestamptz > now() THEN 'not_started'
                WHEN c.end_date::timestamptz < now() THEN 'expired' END AS refusal
      FROM :"schema".promo_codes AS c
     WHERE c.id = ANY (code_of)
     ORDER BY c.id
       FOR NO KEY UPDATE
  LOOP
    k := k + 1;
    code_ids[k] := locked.id;
    states[k] := locked.refusal;
    uses_now[k] := locked.times_used;
    total_limits[k] := locked.total_usage_limit;
    customer_limits[k] := locked.per_customer_limit;
    percentages[k] := locked.is_percentage;
    values_of[k] := locked.bonus_value;
    caps[k] := locked.max_bonus;
    swept[k] := false;
  END LOOP;

  FOR r IN
    SELECT q.n::integer AS n, q.code, q.shop, q.customer, q.base, q.transaction, q.key, q.id, q.seconds, q.again, q.undo_all,
           lower(btrim(q.customer)) AS who, code_of[q.n] AS code_id,
           lag(q.n) OVER (PARTITION BY code_of[q.n], lower(btrim(q.customer)) ORDER BY q.n) AS before
      FROM ROWS FROM (jsonb_to_recordset(requests) AS (
             c text, s text, a text, b numeric, t text, k text, i bigint, h integer, r boolean, x boolean
           )) WITH ORDINALITY AS q(code, shop, customer, base, transaction, key, id, seconds, again, undo_all, n)
     ORDER BY q.n
  LOOP
    k := array_position(code_ids, r.code_id);
    answer := NULL;
    answer_id := r.id;
    IF r.before IS NOT NULL THEN
      had[r.n] := had[r.before];
      gained[r.n] := gained[r.before];
    END IF;

    IF r.key IS NOT NULL THEN
      fingerprint := sha256(convert_to(jsonb_build_array(
        upper(btrim(r.code)), r.who, trim_scale(r.base), r.transaction, r.seconds)::text, 'UTF8'));
      SELECT e.fingerprint, e.use_id INTO earlier
        FROM :"schema".promo_code_idempotency_keys AS e
       WHERE e.shop_id = r.shop AND e.idempotency_key = r.key;
      IF FOUND THEN
        answer := CASE WHEN earlier.fingerprint = fingerprint THEN 'found' ELSE 'key_conflict' END;
        answer_id := earlier.use_id;
      END IF;
    END IF;

    IF answer IS NULL AND r.again THEN
      SELECT u.promo_code_id IS NOT DISTINCT FROM r.code_id AND u.customer_address::text = btrim(r.customer)
               AND u.transaction_id::text IS NOT DISTINCT FROM r.transaction AND u.base_reward::numeric = r.base AS same
        INTO earlier
        FROM :"schema".promo_code_uses AS u
       WHERE u.id = r.id;
      IF FOUND THEN
        answer := CASE WHEN earlier.same THEN 'found' ELSE 'id_taken' END;
      END IF;
    END IF;

    IF answer IS NULL THEN
      answer := CASE WHEN k IS NULL THEN 'not_found' ELSE states[k] END;
    END IF;

    IF answer IS NULL THEN
      LOOP
        mine := 0;
        IF customer_limits[k] IS NOT NULL THEN
          IF had[r.n] IS NULL AND uses_now[k] > 0 THEN
            -- In the order of the index, so that no planner prefers an index on promo_code_id alone, however little it
            -- knows of the table; and no more rows than matter.
            SELECT count(*) INTO mine
              FROM (SELECT lower(btrim(u.customer_address::text)) AS customer
                      FROM :"schema".promo_code_uses AS u
                     WHERE u.promo_code_id = r.code_id AND lower(btrim(u.customer_address::text)) >= r.who
                     ORDER BY lower(btrim(u.customer_address::text))
                     LIMIT greatest(customer_limits[k], 0) + 1) AS next
             WHERE next.customer = r.who;
            had[r.n] := mine;
          END IF;
          mine := coalesce(had[r.n], 0) + coalesce(gained[r.n], 0);
        END IF;
        answer := CASE WHEN uses_now[k] >= total_limits[k] THEN 'usage_limit_reached'
                       WHEN mine >= customer_limits[k] THEN 'customer_limit_reached' END;
        EXIT WHEN answer IS NULL;

        -- A limit would refuse: holds of the code that have expired give way, then the customer's own, which is the same
        -- purchase once more and must not be counted against it.
        freed := 0;
        IF NOT swept[k] THEN
          freed := :"schema".release_promo_code_holds(r.code_id, 1000);
          swept[k] := freed = 0;
        END IF;
        IF freed = 0 AND uses_now[k] <= coalesce(total_limits[k], uses_now[k])
           AND mine <= coalesce(customer_limits[k], mine) THEN
          SELECT h.use_id INTO own_hold
            FROM :"schema".promo_code_holds AS h
           WHERE h.promo_code_id = r.code_id AND h.customer_address = r.who AND h.released_at IS NULL
           ORDER BY h.expires_at
           LIMIT 1;
          IF FOUND THEN
            UPDATE :"schema".promo_code_holds AS h SET released_at = now(), released_as = 'replaced' WHERE h.use_id = own_hold;
            DELETE FROM :"schema".promo_code_uses AS u WHERE u.id = own_hold;
            GET DIAGNOSTICS freed = ROW_COUNT;
          END IF;
        END IF;
        EXIT WHEN freed = 0;
        uses_now[k] := uses_now[k] - freed;
        -- What customers had is read anew.
        had := '{}';
      END LOOP;
    END IF;

    IF answer IS NULL AND r.key IS NOT NULL THEN
      INSERT INTO :"schema".promo_code_idempotency_keys AS e (shop_id, idempotency_key, fingerprint, use_id)
      VALUES (r.shop, r.key, fingerprint, r.id)
          ON CONFLICT DO NOTHING;
      IF NOT FOUND THEN
        -- The same key for another code, which is under another lock. It is there now.
        answer := 'key_conflict';
      END IF;
    END IF;

    IF answer = 'key_conflict' AND r.undo_all THEN
      RAISE EXCEPTION 'the idempotency key of request % was used before with other parameters', r.n USING ERRCODE = 'PC007';
    END IF;

    IF answer IS NULL THEN
      answer := 'redeemed';
      amount := values_of[k];
      IF percentages[k] THEN
        -- A product is exact at any size; a division by 100 would be cut at some place and then rounded once more.
        amount := least(round(r.base * amount * 0.01::numeric, 2), caps[k]);
      END IF;
      uses_now[k] := uses_now[k] + 1;
      gained[r.n] := coalesce(gained[r.n], 0) + 1;
      new_ids := array_append(new_ids, r.id);
      new_codes := array_append(new_codes, r.code_id);
      new_customers := array_append(new_customers, btrim(r.customer));
      new_transactions := array_append(new_transactions, r.transaction);
      new_bases := array_append(new_bases, r.base);
      new_bonuses := array_append(new_bonuses, amount);
      IF r.seconds IS NOT NULL THEN
        INSERT INTO :"schema".promo_code_holds (use_id, promo_code_id, customer_address, expires_at)
        VALUES (r.id, r.code_id, r.who, clock_timestamp() + make_interval(secs => r.seconds));
      END IF;
    END IF;

    answered[r.n] := r.n;
    outcomes[r.n] := answer;
    answer_ids[r.n] := answer_id;
    answer_codes[r.n] := r.code_id;
  END LOOP;

  IF cardinality(new_ids) > 0 THEN
    PERFORM :"schema".record_promo_code_uses(
      new_ids, new_codes, new_customers, new_transactions, new_bases, new_bonuses);
  END IF;
  IF wait_here THEN
    PERFORM set_config('lock_timeout', '0', true);
  END IF;

  RETURN QUERY
    SELECT a.n, CASE WHEN a.outcome = 'found' AND u.use_id IS NULL THEN 'rolled_back' ELSE a.outcome END,
           u.use_id, coalesce(u.code_id, a.code_id::text), u.customer, u.shop, u.transaction, u.base, u.bonus, u.total,
           u.used, u.expires
      FROM unnest(answered, outcomes, answer_ids, answer_codes) AS a(n, outcome, use_id, code_id)
      LEFT JOIN LATERAL (
             SELECT u.id::text AS use_id, u.promo_code_id::text AS code_id, u.customer_address::text AS customer,
                    u.shop_id::text AS shop, u.transaction_id::text AS transaction, u.base_reward::text AS base,
                    u.bonus_amount::text AS bonus, u.total_reward::text AS total, extract(epoch FROM u.used_at)::text AS used,
                    (SELECT extract(epoch FROM h.expires_at)::text FROM :"schema".promo_code_holds AS h
                      WHERE h.use_id = u.id AND h.released_at IS NULL) AS expires
               FROM :"schema".promo_code_uses AS u
              WHERE u.id = a.use_id AND a.outcome IN ('redeemed', 'found')
              LIMIT 1
           ) AS u ON true
     ORDER BY a.n;
END
$body$;
