-- Redeems a batch as redeem_promo_codes does, one request after another, for batches that cannot be recorded as they are:
-- refusals, holds, keys that are known, repetitions. That function alone calls it, and it runs under its settings. Every code
-- is locked first, in the order of ids, and everything is read by later statements, whose snapshots are newer than the locks.
-- A refusal of one request undoes nothing of others.
--
-- Rows without a request are uses that were made; they answer the request with that id. Every other row answers the request
-- of that number: 'found' (the use of an earlier attempt or of the same key), 'key_conflict', 'id_taken', 'uncertain' (the use
-- with the id is of the code, and it cannot be told whether it is that of an earlier attempt), or the reason of a refusal.
CREATE OR REPLACE FUNCTION :"library".redeem_promo_codes_in_order(codes text[], shops text[], places integer[], customers text[], bases numeric[], bonuses numeric[], transactions text[], keys text[], use_ids bigint[], hold_seconds integer[], duplicate_keys boolean[], is_retry boolean, strict boolean)
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Of the types and collations of the host's columns: a field makes of a value what the column would make of it, and what
  -- is compared with a column is folded as the column is.
  use_row :"uses"%ROWTYPE;
  code_row :"codes"%ROWTYPE;
  base_places integer;
  bonus_places integer;
  locked record;
  r record;
  -- The ids of the codes, in their order; for each name the place among them, or 0; and what is known of each code.
  code_ids bigint[];
  id_places integer[];
  states text[] := '{}';
  uses_now bigint[] := '{}';
  total_limits bigint[] := '{}';
  customer_limits bigint[] := '{}';
  percentages boolean[] := '{}';
  values_of numeric[] := '{}';
  caps numeric[] := '{}';
  -- Whether the code has holds, as far as that was asked; whether none of them has expired; whether some were released since
  -- the uses of its customers were counted.
  held boolean[] := '{}';
  swept boolean[] := '{}';
  stale boolean[] := '{}';
  -- By request: the uses that its customer has of its code, this batch included.
  uses_of bigint[] := '{}';
  -- Accepted, not inserted yet.
  new_ids bigint[] := '{}';
  new_codes bigint[] := '{}';
  new_customers text[] := '{}';
  new_transactions text[] := '{}';
  new_bases numeric[] := '{}';
  new_bonuses numeric[] := '{}';
  new_seconds integer[] := '{}';
  with_holds boolean := cardinality(hold_seconds) > 0;
  -- The answers to all others.
  answered integer[] := '{}';
  outcomes text[] := '{}';
  answer_codes bigint[] := '{}';
  found_ids bigint[] := '{}';
  found_codes bigint[] := '{}';
  found_customers text[] := '{}';
  found_times timestamptz[] := '{}';
  answer text;
  found_time timestamptz;
  k integer;
  mine bigint;
  own_hold bigint;
  freed bigint;
  base_now numeric;
  amount numeric;
  fingerprint bytea;
  has_key boolean;
  earlier record;
BEGIN
  -- The present at the precision of the columns: a date means its whole day.
  code_row.:"start_date" := now();
  code_row.:"end_date" := now();

  SELECT array_agg(coalesce(f.place, 0) ORDER BY f.n)::integer[],
         coalesce(array_agg(DISTINCT f.id ORDER BY f.id) FILTER (WHERE f.id IS NOT NULL), '{}')
    INTO id_places, code_ids
    FROM (SELECT g.n, g.id, CASE WHEN g.id IS NOT NULL THEN dense_rank() OVER (ORDER BY g.id) END AS place
            FROM (SELECT q.n,
                         -- First as it is written, which an index on the code finds as well.
                         coalesce(
                           (SELECT c.:"code_id" FROM :"codes" AS c
                             WHERE c.:"code_shop_id"::text = q.shop AND upper(c.:"code"::text) = upper(btrim(coalesce(q.code, code_row.:"code"::text)))
                               AND c.:"code"::text = btrim(q.code)
                             ORDER BY c.:"code_id" LIMIT 1),
                           (SELECT c.:"code_id" FROM :"codes" AS c
                             WHERE c.:"code_shop_id"::text = q.shop AND upper(c.:"code"::text) = upper(btrim(coalesce(q.code, code_row.:"code"::text)))
                             ORDER BY c.:"code_id" LIMIT 1),
                           :"library".find_promo_code_as_stored(q.shop, q.code)) AS id
                    FROM unnest(codes, shops) WITH ORDINALITY AS q(code, shop, n)) AS g) AS f;

  k := 0;
  FOR locked IN
    SELECT c.:"code_id", c.:"total_usage_limit", c.:"per_customer_limit", greatest(c.:"times_used", 0) AS times_used,
           :"library".promo_code_is_percentage(c.:"bonus_type"::text) AS is_percentage, c.:"bonus_value", c.:"max_bonus",
           CASE WHEN c.:"is_active" IS NOT TRUE THEN 'inactive'
                WHEN c.:"start_date" > code_row.:"start_date" THEN 'not_started'
                WHEN c.:"end_date" < code_row.:"end_date" THEN 'expired' END AS refusal
      FROM :"codes" AS c
     WHERE c.:"code_id" = ANY (code_ids)
     ORDER BY c.:"code_id"
       FOR NO KEY UPDATE
  LOOP
    -- A code that is gone meanwhile is passed over.
    LOOP
      k := k + 1;
      EXIT WHEN code_ids[k] = locked.id;
      states[k] := 'not_found';
    END LOOP;
    states[k] := locked.refusal;
    uses_now[k] := locked.times_used;
    total_limits[k] := locked.total_usage_limit;
    customer_limits[k] := locked.per_customer_limit;
    percentages[k] := locked.is_percentage;
    values_of[k] := locked.bonus_value;
    caps[k] := locked.max_bonus;
    swept[k] := false;
    stale[k] := false;
  END LOOP;
  FOR gone IN k + 1 .. cardinality(code_ids) LOOP
    states[gone] := 'not_found';
  END LOOP;

  FOR r IN
    SELECT p.*,
           CASE WHEN p.before IS NULL AND p.customer_limit IS NOT NULL THEN (
             -- In the order of the index, so that no planner prefers an index on promo_code_id alone, however little it
             -- knows of the table; and no more rows than matter.
             SELECT count(*)
               FROM (SELECT FROM :"uses" AS u
                      WHERE u.:"promo_code_id" = p.code_id AND lower(btrim(u.:"customer_address"::text)) >= p.who
                        AND lower(btrim(u.:"customer_address"::text)) <= p.who
                      ORDER BY lower(btrim(u.:"customer_address"::text))
                      LIMIT greatest(p.customer_limit, 0) + 1) AS own
           ) END AS had
      FROM (SELECT q.n::integer AS n, q.customer, q.base, q.bonus, q.transaction, q.key, q.id, q.seconds, q.duplicate_key,
                   lower(btrim(coalesce(q.customer, use_row.:"customer_address"::text))) AS who, codes[q.place] AS code, shops[q.place] AS shop,
                   id_places[q.place] AS k, code_ids[id_places[q.place]] AS code_id,
                   customer_limits[id_places[q.place]] AS customer_limit, e.*, t.*,
                   lag(q.n) OVER (PARTITION BY id_places[q.place], lower(btrim(coalesce(q.customer, use_row.:"customer_address"::text))) ORDER BY q.n) AS before
              FROM unnest(places, customers, bases, bonuses, transactions, keys, use_ids, hold_seconds, duplicate_keys)
                     WITH ORDINALITY AS q(place, customer, base, bonus, transaction, key, id, seconds, duplicate_key, n)
              LEFT JOIN LATERAL (
                     SELECT e.fingerprint AS known, e.use_id AS known_use, e.promo_code_id AS known_code,
                            e.customer_address AS known_customer, e.created_at AS known_at
                       FROM :"library".promo_code_idempotency_keys AS e
                      WHERE q.key IS NOT NULL AND e.shop_id = shops[q.place] AND e.idempotency_key = q.key
                      LIMIT 1
                   ) AS e ON true
              LEFT JOIN LATERAL (
                     -- A refusal knows no code where there was none.
                     SELECT h.released_as AS taken_back
                       FROM :"library".promo_code_holds AS h
                      WHERE h.use_id = q.id AND h.released_at IS NOT NULL
                        AND h.promo_code_id IN (code_ids[id_places[q.place]], 0)
                        AND h.customer_address = lower(btrim(coalesce(q.customer, use_row.:"customer_address"::text)))
                      LIMIT 1
                   ) AS t ON true) AS p
     ORDER BY p.n
  LOOP
    k := r.k;
    answer := NULL;
    has_key := false;
    uses_of[r.n] := CASE WHEN r.before IS NULL THEN coalesce(r.had, 0) ELSE uses_of[r.before] END;

    IF r.taken_back IS NOT NULL AND NOT is_retry THEN
      -- Perhaps a request that the network delivers late: its use was taken back, or a retry of it was refused.
      answer := 'id_taken';
    ELSIF r.key IS NOT NULL THEN
      fingerprint := :"library".promo_code_fingerprint(r.code, r.who, r.base, r.bonus, r.transaction, r.seconds);
      IF r.duplicate_key THEN
        SELECT e.fingerprint AS known, e.use_id AS known_use, e.promo_code_id AS known_code,
               e.customer_address AS known_customer, e.created_at AS known_at
          INTO earlier
          FROM :"library".promo_code_idempotency_keys AS e
         WHERE e.shop_id = r.shop AND e.idempotency_key = r.key;
      ELSE
        earlier := r;
      END IF;
      IF earlier.known IS NOT NULL THEN
        answer := 'key_conflict';
        IF earlier.known = fingerprint THEN
          answer := 'found';
          -- From the first place on, so that the places before this one are empty.
          found_ids[1] := found_ids[1]; found_codes[1] := found_codes[1];
          found_customers[1] := found_customers[1]; found_times[1] := found_times[1];
          found_ids[cardinality(answered) + 1] := earlier.known_use;
          -- An earlier version kept nothing but the number. The same fingerprint is the same code and customer.
          found_codes[cardinality(answered) + 1] := coalesce(earlier.known_code, r.code_id);
          found_customers[cardinality(answered) + 1] := coalesce(earlier.known_customer, r.who);
          found_times[cardinality(answered) + 1] := earlier.known_at;
        END IF;
      END IF;
    END IF;

    IF answer IS NULL AND is_retry THEN
      SELECT u.:"promo_code_id" IS NOT DISTINCT FROM r.code_id AS is_same_code,
             -- A trigger of the host may give the customer another name. Without one, it is somebody else's use: ids came again.
             (lower(btrim(u.:"customer_address"::text)) = r.who) IS TRUE OR (
               u.:"base_reward" = r.base AND u.:"transaction_id"::text IS NOT DISTINCT FROM r.transaction
               AND EXISTS (SELECT FROM pg_trigger AS t
                            WHERE t.tgrelid = to_regclass(:'uses') AND t.tgenabled <> 'D' AND t.tgtype & 7 = 7)
             ) AS is_same_customer,
             u.:"used_at"::timestamptz AS used_at
        INTO earlier
        FROM :"uses" AS u
       WHERE u.:"use_id" = r.id;
      IF FOUND THEN
        answer := CASE WHEN NOT earlier.is_same_code THEN 'id_taken'
                       WHEN earlier.is_same_customer THEN 'found' ELSE 'uncertain' END;
        found_time := earlier.used_at;
      ELSIF EXISTS (SELECT FROM :"library".promo_code_holds AS h
                     WHERE h.use_id = r.id AND h.promo_code_id = r.code_id AND h.customer_address = r.who
                       AND h.released_as IS DISTINCT FROM 'refused') THEN
        -- It was recorded and has been taken back meanwhile.
        answer := 'found';
        found_time := NULL;
      END IF;
      IF answer = 'found' THEN
        found_ids[1] := found_ids[1]; found_codes[1] := found_codes[1];
        found_customers[1] := found_customers[1]; found_times[1] := found_times[1];
        found_ids[cardinality(answered) + 1] := r.id;
        found_codes[cardinality(answered) + 1] := r.code_id;
        found_customers[cardinality(answered) + 1] := r.who;
        found_times[cardinality(answered) + 1] := found_time;
      END IF;
    END IF;

    IF answer IS NULL THEN
      answer := CASE WHEN k = 0 THEN 'not_found' WHEN states[k] IS NOT NULL THEN states[k]
                     WHEN percentages[k] IS NULL AND r.bonus IS NULL THEN 'unsupported_bonus_type'
                     -- An earlier retry was refused, and nothing can have the id any more.
                     WHEN r.taken_back IS NOT NULL THEN 'id_taken' END;
    END IF;

    IF answer IS NULL THEN
      LOOP
        IF stale[k] AND customer_limits[k] IS NOT NULL AND cardinality(new_ids) = 0 THEN
          SELECT count(*) INTO mine
            FROM (SELECT FROM :"uses" AS u
                   WHERE u.:"promo_code_id" = r.code_id AND lower(btrim(u.:"customer_address"::text)) >= r.who
                     AND lower(btrim(u.:"customer_address"::text)) <= r.who
                   ORDER BY lower(btrim(u.:"customer_address"::text))
                   LIMIT greatest(customer_limits[k], 0) + 1) AS own;
          uses_of[r.n] := mine;
        END IF;
        answer := CASE WHEN uses_now[k] >= total_limits[k] THEN 'usage_limit_reached'
                       WHEN uses_of[r.n] >= customer_limits[k] THEN 'customer_limit_reached' END;
        EXIT WHEN answer IS NULL AND NOT (stale[k] AND cardinality(new_ids) > 0);

        -- What was accepted so far must be in the table before holds are looked at, or uses are counted anew.
        IF cardinality(new_ids) > 0 AND (stale[k] OR with_holds) THEN
          RETURN QUERY SELECT * FROM :"library".record_promo_code_uses(
            new_ids, new_codes, new_customers, new_transactions, new_bases, new_bonuses, new_seconds);
          new_ids := '{}'; new_codes := '{}'; new_customers := '{}'; new_transactions := '{}';
          new_bases := '{}'; new_bonuses := '{}'; new_seconds := '{}';
          CONTINUE;
        END IF;

        -- A limit would refuse: holds of the code that have expired give way, then the customer's own, which is the same
        -- purchase once more and must not be counted against it.
        IF held[k] IS NULL OR with_holds THEN
          held[k] := EXISTS (SELECT FROM :"library".promo_code_holds AS h
                              WHERE h.promo_code_id = r.code_id AND h.released_at IS NULL);
        END IF;
        EXIT WHEN NOT held[k];
        freed := 0;
        IF NOT swept[k] THEN
          freed := :"library".release_promo_code_holds(r.code_id, 1000);
          swept[k] := freed = 0;
        END IF;
        IF freed = 0 AND uses_now[k] <= coalesce(total_limits[k], uses_now[k])
           AND uses_of[r.n] <= coalesce(customer_limits[k], uses_of[r.n]) THEN
          SELECT h.use_id INTO own_hold
            FROM :"library".promo_code_holds AS h
            JOIN :"uses" AS u ON u.:"use_id" = h.use_id AND u.:"promo_code_id" = r.code_id
           WHERE h.promo_code_id = r.code_id AND h.customer_address = r.who AND h.released_at IS NULL
             -- A request that the network delivers late does not give way to itself.
             AND h.use_id <> r.id
             AND :"library".promo_code_use_matches(
                   u.:"promo_code_id", lower(btrim(u.:"customer_address"::text)), u.:"used_at"::timestamptz,
                   h.promo_code_id, h.customer_address, h.created_at)
           ORDER BY h.expires_at
           LIMIT 1;
          IF FOUND THEN
            -- Not before it is sure that this request has the key: a conflict must take nothing away.
            IF r.key IS NOT NULL AND NOT has_key THEN
              INSERT INTO :"library".promo_code_idempotency_keys AS e (shop_id, idempotency_key, fingerprint, use_id,
                                                                      promo_code_id, customer_address)
              VALUES (r.shop, r.key, fingerprint, r.id, r.code_id, r.who)
                  ON CONFLICT DO NOTHING;
              has_key := FOUND;
              IF NOT has_key THEN
                answer := 'key_conflict';
                EXIT;
              END IF;
            END IF;
            -- Who was answered with this hold before is answered as it was then.
            IF own_hold = ANY (found_ids) THEN
              RETURN QUERY SELECT * FROM :"library".answer_promo_code_requests(
                answered, outcomes, answer_codes, found_ids, found_codes, found_customers, found_times);
              answered := '{}'; outcomes := '{}'; answer_codes := '{}';
              found_ids := '{}'; found_codes := '{}'; found_customers := '{}'; found_times := '{}';
            END IF;
            UPDATE :"library".promo_code_holds AS h SET released_at = now(), released_as = 'replaced' WHERE h.use_id = own_hold;
            DELETE FROM :"uses" AS u WHERE u.:"use_id" = own_hold AND u.:"promo_code_id" = r.code_id;
            GET DIAGNOSTICS freed = ROW_COUNT;
          END IF;
        END IF;
        EXIT WHEN freed = 0;
        uses_now[k] := uses_now[k] - freed;
        stale[k] := customer_limits[k] IS NOT NULL;
      END LOOP;
    END IF;

    IF has_key AND answer IS NOT NULL THEN
      DELETE FROM :"library".promo_code_idempotency_keys AS e WHERE e.shop_id = r.shop AND e.idempotency_key = r.key;
    ELSIF answer IS NULL AND r.key IS NOT NULL AND NOT has_key THEN
      INSERT INTO :"library".promo_code_idempotency_keys AS e (shop_id, idempotency_key, fingerprint, use_id, promo_code_id,
                                                              customer_address)
      VALUES (r.shop, r.key, fingerprint, r.id, r.code_id, r.who)
          ON CONFLICT DO NOTHING;
      IF NOT FOUND THEN
        -- The same key for another code, which is under another lock. It is there now.
        answer := 'key_conflict';
      END IF;
    END IF;

    IF answer = 'key_conflict' AND strict THEN
      RAISE EXCEPTION 'the idempotency key of request % was used before with other parameters', r.n USING ERRCODE = 'PC007';
    END IF;

    IF answer IS NULL THEN
      IF bonus_places IS NULL THEN
        -- What the columns make of so many places shows how many they have.
        use_row.:"base_reward" := 1.00000095367431640625;
        use_row.:"bonus_amount" := 1.00000095367431640625;
        use_row.:"total_reward" := 1.00000095367431640625;
        code_row.:"total_bonus_issued" := 1.00000095367431640625;
        base_places := scale(use_row.:"base_reward"::numeric);
        bonus_places := least(scale(use_row.:"bonus_amount"::numeric), scale(use_row.:"total_reward"::numeric),
                              scale(code_row.:"total_bonus_issued"::numeric));
      END IF;
      base_now := :"library".promo_code_rounded(r.base, base_places);
      amount := :"library".promo_code_bonus(
        :"library".promo_code_rounded(r.bonus, bonus_places), percentages[k], values_of[k], caps[k], base_now, bonus_places);
      uses_now[k] := uses_now[k] + 1;
      uses_of[r.n] := uses_of[r.n] + 1;
      new_ids := array_append(new_ids, r.id);
      new_codes := array_append(new_codes, r.code_id);
      new_customers := array_append(new_customers, r.who);
      new_transactions := array_append(new_transactions, r.transaction);
      new_bases := array_append(new_bases, base_now);
      new_bonuses := array_append(new_bonuses, amount);
      IF with_holds THEN
        new_seconds := array_append(new_seconds, r.seconds);
      END IF;
    ELSE
      answered := array_append(answered, r.n);
      outcomes := array_append(outcomes, answer);
      answer_codes := array_append(answer_codes, r.code_id);
      IF is_retry AND answer NOT IN ('found', 'key_conflict', 'id_taken', 'uncertain') THEN
        -- The first attempt may still be on its way, and must not be accepted when it arrives.
        INSERT INTO :"library".promo_code_holds AS h (use_id, promo_code_id, customer_address, expires_at, released_at,
                                                     released_as, created_at)
        VALUES (r.id, coalesce(r.code_id, 0), r.who, now(), now(), 'refused', now())
            ON CONFLICT DO NOTHING;
      END IF;
    END IF;
  END LOOP;

  IF cardinality(new_ids) > 0 THEN
    RETURN QUERY SELECT * FROM :"library".record_promo_code_uses(
      new_ids, new_codes, new_customers, new_transactions, new_bases, new_bonuses, new_seconds);
  END IF;
  IF cardinality(answered) > 0 THEN
    RETURN QUERY SELECT * FROM :"library".answer_promo_code_requests(
      answered, outcomes, answer_codes, found_ids, found_codes, found_customers, found_times);
  END IF;
END
$body$;
