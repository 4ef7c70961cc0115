-- Redeems: checks and records a batch of requests, in the order in which they stand there and with the results that they would
-- have had one after another. Where nothing speaks against any of them, all are recorded by a few statements that do not go
-- through them one by one; everything else is left to redeem_promo_codes_in_order, under the locks that are taken here.
--
-- codes and shops name each code once; the other arrays have an element for each request, or are empty where no request has
-- one: places (of the code among those), customers, bases (rewards), transactions, keys (for idempotency), use_ids (reserved
-- for the uses), hold_seconds, doubled (whether the key stands in the batch before). again: whether an earlier attempt may
-- have recorded them. strict: whether a conflict of keys is an error (PC007) that undoes the whole batch. call_id: the same
-- number for all attempts of one call, so that a repetition waits until the attempt before it has ended; NULL inside the
-- host's transaction. lock_wait_ms: how long to wait for a lock where the session sets no lock_timeout of its own.
--
-- Answers a JSON array of arrays of text: the columns of redeem_promo_codes_in_order, in their order.
CREATE OR REPLACE FUNCTION :"schema".redeem_promo_codes(codes text[], shops text[], places integer[], customers text[], bases numeric[], transactions text[], keys text[], use_ids bigint[], hold_seconds integer[], doubled boolean[], again boolean, strict boolean, call_id bigint, lock_wait_ms integer)
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
  -- Nothing, but of the columns' collations: what is compared with a column is folded as the column is.
  like_uses :"schema".promo_code_uses%ROWTYPE;
  like_codes :"schema".promo_codes%ROWTYPE;
  wait_here boolean := current_setting('lock_timeout') = '0';
  setting text;
  call_lock bigint;
  -- By the place in codes.
  code_ids bigint[];
  rooms bigint[];
  customer_limits bigint[];
  states text[];
  accepted boolean;
  taken_in text[];
  taken_keys text[];
  recorded bigint;
  answer text;
BEGIN
  IF wait_here THEN
    setting := set_config('lock_timeout', lock_wait_ms::text, true);
  END IF;
  IF call_id IS NOT NULL THEN
    call_lock := hashint8extended(call_id, to_regclass('promo_code_uses')::oid::bigint);
    -- As an expression it is no statement of its own.
    IF NOT pg_try_advisory_xact_lock(call_lock) THEN
      PERFORM pg_advisory_xact_lock(call_lock);
    END IF;
  END IF;

  -- In the order of ids. A code that is written in two ways stands in two places. Whatever the planner thinks of the number
  -- of requests, what is LATERAL reads no other codes.
  SELECT array_agg(l.id), array_agg(l.room), array_agg(l.customer_limit), array_agg(l.state), bool_and(l.state IS NULL)
    INTO code_ids, rooms, customer_limits, states, accepted
    FROM (SELECT c.id, c.room, c.customer_limit, CASE WHEN c.id IS NULL THEN 'not_found' ELSE c.state END AS state
            FROM (SELECT q.place,
                         -- First as it is written, which an index on the code finds as well.
                         coalesce(
                           (SELECT c.id FROM :"schema".promo_codes AS c
                             WHERE c.shop_id::text = q.shop AND upper(c.code::text) = upper(btrim(coalesce(q.code, like_codes.code::text)))
                               AND c.code::text = btrim(q.code)
                             ORDER BY c.id LIMIT 1),
                           (SELECT c.id FROM :"schema".promo_codes AS c
                             WHERE c.shop_id::text = q.shop AND upper(c.code::text) = upper(btrim(coalesce(q.code, like_codes.code::text)))
                             ORDER BY c.id LIMIT 1)) AS id
                    FROM unnest(codes, shops) WITH ORDINALITY AS q(code, shop, place)
                   ORDER BY id) AS f
            LEFT JOIN LATERAL (
                  SELECT c.id, c.per_customer_limit AS customer_limit,
                         c.total_usage_limit::bigint - greatest(c.times_used, 0) AS room,
                         CASE WHEN c.is_active IS NOT TRUE THEN 'inactive'
                              WHEN c.start_date::timestamptz > now() THEN 'not_started'
                              WHEN c.end_date::timestamptz < now() THEN 'expired' END AS state
                    FROM :"schema".promo_codes AS c
                   WHERE c.id = f.id
                     FOR NO KEY UPDATE) AS c ON true
           ORDER BY f.place) AS l;

  -- Nothing but a look keeps an id from standing in two partitions, and record_promo_code_uses takes it.
  accepted := accepted AND NOT again AND pg_partition_root(to_regclass('promo_code_uses')) IS NULL;
  IF accepted THEN
    SELECT bool_and(c.fits) INTO accepted
      FROM (SELECT coalesce(sum(p.uses) <= rooms[min(p.place)], true)
                   AND bool_and(customer_limits[p.place] IS NULL OR p.uses + (
                         -- In the order of the index, so that no planner prefers an index on promo_code_id alone, however
                         -- little it knows of the table; and no more rows than matter.
                         SELECT count(*)
                           FROM (SELECT FROM :"schema".promo_code_uses AS u
                                  WHERE u.promo_code_id = p.id AND lower(btrim(u.customer_address::text)) >= p.who
                                    AND lower(btrim(u.customer_address::text)) <= p.who
                                  ORDER BY lower(btrim(u.customer_address::text))
                                  LIMIT greatest(customer_limits[p.place], 0)) AS own) <= customer_limits[p.place]) AS fits
              FROM (SELECT r.id, r.who, min(r.place) AS place, count(*) AS uses
                      FROM (SELECT code_ids[q.place] AS id, q.place, lower(btrim(coalesce(q.customer, like_uses.customer_address::text))) AS who
                              FROM unnest(places, customers) AS q(place, customer)) AS r
                     GROUP BY r.id, r.who) AS p
             GROUP BY p.id) AS c;
    IF accepted AND cardinality(keys) > 0 THEN
      WITH taken AS (
        INSERT INTO :"schema".promo_code_idempotency_keys AS e (shop_id, idempotency_key, fingerprint, use_id)
        SELECT shops[n.place], n.key,
               :"schema".promo_code_fingerprint(
                 codes[n.place], lower(btrim(coalesce(n.customer, like_uses.customer_address::text))), n.base, n.transaction,
                 n.seconds),
               n.id
          FROM unnest(places, customers, bases, transactions, keys, use_ids, hold_seconds)
                 AS n(place, customer, base, transaction, key, id, seconds)
         WHERE n.key IS NOT NULL
         ORDER BY shops[n.place], n.key
            ON CONFLICT DO NOTHING
        RETURNING e.shop_id, e.idempotency_key
      )
      SELECT count(*) = cardinality(array_remove(keys, NULL)), array_agg(t.shop_id), array_agg(t.idempotency_key)
        INTO accepted, taken_in, taken_keys
        FROM taken AS t;
      IF NOT accepted THEN
        -- Not more than was taken here: an earlier call may have taken the others for a use of the same id.
        DELETE FROM :"schema".promo_code_idempotency_keys AS e
         USING unnest(taken_in, taken_keys) AS t(shop, key)
         WHERE e.shop_id = t.shop AND e.idempotency_key = t.key;
      END IF;
    END IF;
  END IF;

  IF accepted THEN
    IF cardinality(hold_seconds) > 0 THEN
      INSERT INTO :"schema".promo_code_holds (use_id, promo_code_id, customer_address, expires_at)
      SELECT n.id, code_ids[n.place], lower(btrim(coalesce(n.customer, like_uses.customer_address::text))), clock_timestamp() + make_interval(secs => n.seconds)
        FROM unnest(use_ids, places, customers, hold_seconds) AS n(id, place, customer, seconds)
       WHERE n.seconds IS NOT NULL;
    END IF;
    WITH made AS (
      INSERT INTO :"schema".promo_code_uses AS u (id, promo_code_id, customer_address, shop_id, transaction_id, base_reward,
                                                  bonus_amount, total_reward, used_at)
      OVERRIDING SYSTEM VALUE
      SELECT q.id, c.id, btrim(q.customer), c.shop_id, q.transaction, q.base, c.bonus, q.base + c.bonus, now()
        FROM unnest(use_ids, places, customers, transactions, bases) AS q(id, place, customer, transaction, base)
       CROSS JOIN LATERAL (
              SELECT c.id, c.shop_id,
                     -- A product is exact at any size; a division by 100 would be cut at some place and then rounded once more.
                     CASE WHEN c.bonus_type::text = 'percentage'
                          THEN least(round(q.base * c.bonus_value::numeric * 0.01::numeric, 2), c.max_bonus::numeric)
                          ELSE c.bonus_value::numeric END AS bonus
                FROM :"schema".promo_codes AS c
               WHERE c.id = code_ids[q.place]
              OFFSET 0) AS c
      RETURNING u.id, u.promo_code_id, u.customer_address, u.shop_id, u.transaction_id, u.base_reward, u.bonus_amount,
                u.total_reward, u.used_at
    )
    SELECT count(*), array_to_json(array_agg(ARRAY[
             NULL, 'redeemed', m.id::text, m.promo_code_id::text, m.customer_address::text, m.shop_id::text,
             m.transaction_id::text, m.base_reward::text, m.bonus_amount::text, m.total_reward::text,
             extract(epoch FROM m.used_at)::text,
             CASE WHEN cardinality(hold_seconds) > 0
                  THEN (SELECT extract(epoch FROM h.expires_at)::text FROM :"schema".promo_code_holds AS h WHERE h.use_id = m.id)
             END]))::text
      INTO recorded, answer
      FROM made AS m;
    IF recorded <> cardinality(use_ids) THEN
      RAISE EXCEPTION 'a trigger on promo_code_uses kept a use from being inserted' USING ERRCODE = 'PC008';
    END IF;
  ELSE
    SELECT array_to_json(array_agg(ARRAY[
             o.request::text, o.outcome, o.use_id, o.code_id, o.customer, o.shop, o.transaction, o.base, o.bonus, o.total,
             o.used, o.expires]))::text
      INTO answer
      FROM :"schema".redeem_promo_codes_in_order(
             code_ids, rooms, customer_limits, states, codes, shops, places, customers, bases, transactions, keys, use_ids,
             hold_seconds, doubled, again, strict) AS o;
  END IF;
  IF wait_here THEN
    setting := set_config('lock_timeout', '0', true);
  END IF;
  RETURN answer;
END
$body$;
