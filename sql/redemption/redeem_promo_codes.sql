-- Redeems: checks and records a batch of requests, in the order in which they stand there and with the results that they would
-- have had one after another. Where nothing speaks against any of them, all are recorded by a few statements that do not go
-- through them one by one; everything else is left to redeem_promo_codes_in_order, under the locks that are taken here.
--
-- codes and shops name each code once; the other arrays have an element for each request, or are empty where no request has
-- one: places (of the code among those), customers, bases (rewards), bonuses (those that the host computes itself),
-- transactions, keys (for idempotency), use_ids (reserved for the uses), hold_seconds, duplicate_keys (whether the key stands
-- in the batch before). is_retry: whether an earlier attempt may have recorded them. strict: whether a conflict of
-- keys is an error (PC007) that undoes the whole batch. call_ids: the numbers of the attempts of this call; the last is that of this attempt, which locks it for others to wait for. Those before
-- it are of earlier attempts, which must have ended: they are waited for, in shared mode, so that parts of one batch that
-- are repeated on several connections do not wait for each other. NULL inside the host's transaction. lock_wait_ms: how long
-- to wait for a lock, where the session sets no shorter lock_timeout of its own.
--
-- Answers a JSON array of arrays of text: the columns of redeem_promo_codes_in_order, in their order.
CREATE OR REPLACE FUNCTION :"library".redeem_promo_codes(codes text[], shops text[], places integer[], customers text[], bases numeric[], bonuses numeric[], transactions text[], keys text[], use_ids bigint[], hold_seconds integer[], duplicate_keys boolean[], is_retry boolean, strict boolean, call_ids bigint[], lock_wait_ms integer)
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
  use_row :"uses"%ROWTYPE;
  code_row :"codes"%ROWTYPE;
  -- A longer wait than that of the caller would go on after the caller has given up.
  session_wait text := current_setting('lock_timeout');
  wait_here boolean := session_wait = '0' OR session_wait::interval > make_interval(secs => lock_wait_ms * 0.001);
  setting text;
  call_lock bigint;
  -- By the place in codes.
  code_ids bigint[];
  rooms bigint[];
  customer_limits bigint[];
  percentages boolean[];
  accepted boolean;
  taken_in text[];
  taken_keys text[];
  recorded bigint;
  answer text;
BEGIN
  IF wait_here THEN
    setting := set_config('lock_timeout', lock_wait_ms::text, true);
  END IF;
  IF call_ids IS NOT NULL THEN
    IF call_ids[2] IS NOT NULL THEN
      PERFORM pg_advisory_xact_lock_shared(hashint8extended(earlier.id, :'uses'::regclass::oid::bigint))
         FROM unnest(trim_array(call_ids, 1)) AS earlier(id);
    END IF;
    call_lock := hashint8extended(call_ids[cardinality(call_ids)], :'uses'::regclass::oid::bigint);
    -- As an expression it is no statement of its own.
    IF NOT pg_try_advisory_xact_lock(call_lock) THEN
      PERFORM pg_advisory_xact_lock(call_lock);
    END IF;
  END IF;

  -- In the order of ids. A code that is written in two ways stands in two places. Whatever the planner thinks of the number
  -- of requests, what is LATERAL reads no other codes. A code whose dates say less than a moment, and one that is stored with
  -- characters that nobody types, are looked at more closely where this finds none that is open.
  SELECT array_agg(l.id), array_agg(l.room), array_agg(l.customer_limit), array_agg(l.is_percentage),
         count(*) = cardinality(codes) AND bool_and(l.is_open AND l.is_percentage IS NOT NULL)
    INTO code_ids, rooms, customer_limits, percentages, accepted
    FROM (SELECT f.place, c.*
            FROM (SELECT q.place,
                         -- First as it is written, which an index on the code finds as well.
                         coalesce(
                           (SELECT c.:"code_id" FROM :"codes" AS c
                             WHERE c.:"code_shop_id"::text = q.shop AND upper(c.:"code"::text) = upper(btrim(coalesce(q.code, (CAST(NULL AS :"codes")).:"code"::text)))
                               AND c.:"code"::text = btrim(q.code)
                             ORDER BY c.:"code_id" LIMIT 1),
                           (SELECT c.:"code_id" FROM :"codes" AS c
                             WHERE c.:"code_shop_id"::text = q.shop AND upper(c.:"code"::text) = upper(btrim(coalesce(q.code, (CAST(NULL AS :"codes")).:"code"::text)))
                             ORDER BY c.:"code_id" LIMIT 1)) AS id
                    FROM unnest(codes, shops) WITH ORDINALITY AS q(code, shop, place)
                   ORDER BY id) AS f
           CROSS JOIN LATERAL (
                  SELECT c.:"code_id", c.:"per_customer_limit" AS customer_limit,
                         c.:"total_usage_limit"::bigint - greatest(c.:"times_used", 0) AS room,
                         c.:"is_active" IS TRUE AND coalesce(c.:"start_date"::timestamptz <= now(), true)
                           AND coalesce(c.:"end_date"::timestamptz >= now(), true) AS is_open,
                         :"library".promo_code_is_percentage(c.:"bonus_type"::text) AS is_percentage
                    FROM :"codes" AS c
                   WHERE c.:"code_id" = f.id
                     FOR NO KEY UPDATE) AS c
           ORDER BY f.place) AS l;

  -- Nothing but a look keeps an id from standing in two partitions, and record_promo_code_uses takes it; so it does with
  -- columns that do not take a text as it is.
  accepted := accepted AND NOT is_retry AND pg_partition_root(:'uses'::regclass) IS NULL
              AND :"library".promo_code_is_text((CAST(NULL AS :"uses")).:"customer_address")
              AND :"library".promo_code_is_text((CAST(NULL AS :"uses")).:"transaction_id");
  IF accepted THEN
    -- An id whose use was taken back may be that of a batch that the network delivers late.
    SELECT bool_and(c.fits) AND NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h
                                             WHERE h.use_id = ANY (use_ids) AND h.released_at IS NOT NULL)
      INTO accepted
      FROM (SELECT coalesce(sum(p.uses) <= rooms[min(p.place)], true)
                   AND bool_and(customer_limits[p.place] IS NULL OR p.uses + (
                         -- In the order of the index, so that no planner prefers an index on promo_code_id alone, however
                         -- little it knows of the table; and no more rows than matter.
                         SELECT count(*)
                           FROM (SELECT FROM :"uses" AS u
                                  WHERE u.:"promo_code_id" = p.id AND lower(btrim(u.:"customer_address"::text)) >= p.who
                                    AND lower(btrim(u.:"customer_address"::text)) <= p.who
                                  ORDER BY lower(btrim(u.:"customer_address"::text))
                                  LIMIT greatest(customer_limits[p.place], 0)) AS own) <= customer_limits[p.place]) AS fits
              FROM (SELECT r.id, r.who, min(r.place) AS place, count(*) AS uses
                      FROM (SELECT code_ids[q.place] AS id, q.place, lower(btrim(coalesce(q.customer, (CAST(NULL AS :"uses")).:"customer_address"::text))) AS who
                              FROM unnest(places, customers) AS q(place, customer)) AS r
                     GROUP BY r.id, r.who) AS p
             GROUP BY p.id) AS c;
    IF accepted AND cardinality(keys) > 0 THEN
      WITH taken AS (
        INSERT INTO :"library".promo_code_idempotency_keys AS e (shop_id, idempotency_key, fingerprint, use_id, promo_code_id,
                                                                customer_address)
        SELECT shops[n.place], n.key,
               :"library".promo_code_fingerprint(codes[n.place], n.who, n.base, n.bonus, n.transaction, n.seconds),
               n.id, code_ids[n.place], n.who
          FROM (SELECT q.*, lower(btrim(coalesce(q.customer, use_row.:"customer_address"::text))) AS who
                  FROM unnest(places, customers, bases, bonuses, transactions, keys, use_ids, hold_seconds)
                         AS q(place, customer, base, bonus, transaction, key, id, seconds)) AS n
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
        DELETE FROM :"library".promo_code_idempotency_keys AS e
         USING unnest(taken_in, taken_keys) AS t(shop, key)
         WHERE e.shop_id = t.shop AND e.idempotency_key = t.key;
      END IF;
    END IF;
  END IF;

  IF accepted THEN
    IF cardinality(hold_seconds) > 0 THEN
      -- A hold that has the id already is of a use that is gone: the use that is inserted below would not find the id free.
      INSERT INTO :"library".promo_code_holds AS h (use_id, promo_code_id, customer_address, expires_at, created_at)
      SELECT n.id, code_ids[n.place], lower(btrim(coalesce(n.customer, use_row.:"customer_address"::text))),
             clock_timestamp() + make_interval(secs => n.seconds), now()
        FROM unnest(use_ids, places, customers, hold_seconds) AS n(id, place, customer, seconds)
       WHERE n.seconds IS NOT NULL
          ON CONFLICT ON CONSTRAINT promo_code_holds_pkey DO UPDATE
         SET promo_code_id = excluded.promo_code_id, customer_address = excluded.customer_address,
             expires_at = excluded.expires_at, created_at = excluded.created_at, released_at = NULL, released_as = NULL;
    END IF;
    WITH made AS (
      INSERT INTO :"uses" AS u (:"use_id", :"promo_code_id", :"customer_address", :"use_shop_id", :"transaction_id", :"base_reward", :"bonus_amount", :"total_reward", :"used_at")
      OVERRIDING SYSTEM VALUE
      SELECT q.id, c.:"code_id", q.who, c.:"code_shop_id", q.transaction, q.base, c.bonus, q.base + c.bonus, now()
        FROM (SELECT n.id, n.place, lower(btrim(coalesce(n.customer, (CAST(NULL AS :"uses")).:"customer_address"::text))) AS who, n.transaction,
                     n.base, n.bonus AS given
                FROM unnest(use_ids, places, customers, transactions, bases, bonuses)
                       AS n(id, place, customer, transaction, base, bonus)) AS q
       CROSS JOIN LATERAL (
              SELECT c.:"code_id", c.:"code_shop_id",
                     :"library".promo_code_bonus(
                       q.given, percentages[q.place], c.:"bonus_value"::numeric,
                       c.:"max_bonus"::numeric, q.base,
                       :"library".promo_code_places(:'uses'::regclass, :'codes'::regclass)) AS bonus
                FROM :"codes" AS c
               WHERE c.:"code_id" = code_ids[q.place]
              OFFSET 0) AS c
      RETURNING u.:"use_id", u.:"promo_code_id", u.:"customer_address", u.:"use_shop_id", u.:"transaction_id", u.:"base_reward", u.:"bonus_amount",
                u.:"total_reward", u.:"used_at"
    )
    SELECT count(*), array_to_json(array_agg(ARRAY[
             NULL, 'redeemed', m.id::text, m.promo_code_id::text, m.customer_address::text, m.shop_id::text,
             m.transaction_id::text, m.base_reward::text, m.bonus_amount::text, m.total_reward::text,
             extract(epoch FROM m.used_at)::text,
             CASE WHEN cardinality(hold_seconds) > 0
                  THEN (SELECT extract(epoch FROM h.expires_at)::text FROM :"library".promo_code_holds AS h WHERE h.use_id = m.id)
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
      FROM :"library".redeem_promo_codes_in_order(
             codes, shops, places, customers, bases, bonuses, transactions, keys, use_ids, hold_seconds, duplicate_keys,
             is_retry, strict) AS o;
  END IF;
  IF wait_here THEN
    setting := set_config('lock_timeout', session_wait, true);
  END IF;
  RETURN answer;
END
$body$;
