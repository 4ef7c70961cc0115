-- Redeems: checks and records a batch of requests, in the order in which they stand there and with the results that they would
-- have had one after another. Where nothing speaks against any of them, all are recorded by a few statements that do not go
-- through them one by one; everything else is left to redeem_promo_codes_in_order, under the locks that are taken here.
--
-- codes and shops name each code once; the other arrays have an element for each request, or are empty where no request has
-- one: places (of the code among those), customers, bases (rewards), bonuses (those that the host computes itself),
-- transactions, keys (for idempotency), use_ids (reserved for the uses), hold_seconds, duplicate_keys (whether the key stands
-- in the batch before). is_retry: whether an earlier attempt may have recorded them. strict: whether a conflict of keys is an
-- error (PC007) that undoes the whole batch. call_ids: the numbers of the attempts of this call, this one last; see
-- wait_for_promo_code_call. NULL inside the host's transaction. lock_wait_ms: how long to wait for a lock, where the session
-- sets no shorter lock_timeout of its own. columns: further columns of the host and their values.
--
-- Answers a JSON array of arrays of text: the columns of redeem_promo_codes_in_order, in their order, and after them for each campaign of
-- these codes, without a request and with the outcome 'campaign', the ids of its codes as JSON and its own.
CREATE OR REPLACE FUNCTION :"library".redeem_promo_codes(codes text[], shops text[], places integer[], customers text[], bases numeric[], bonuses numeric[], transactions text[], keys text[], use_ids :use_id_type[], hold_seconds integer[], duplicate_keys boolean[], is_retry boolean, strict boolean, call_ids bigint[], lock_wait_ms integer, columns jsonb[])
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
  -- By the place in codes.
  code_ids :code_id_type[];
  rooms bigint[];
  customer_limits bigint[];
  has_rules boolean;
  campaign_ids bigint[];
  has_budget boolean;
  accepted boolean;
  is_used_up boolean := false;
  taken_in text[];
  taken_keys text[];
  recorded bigint;
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

  -- In the order of ids. A code that is written in two ways stands in two places. Whatever the planner thinks of the number
  -- of requests, what is LATERAL reads no other codes. A code whose dates say less than a moment, and one that is stored with
  -- characters that nobody types, are looked at more closely where this finds none that is open.
  SELECT pg_catalog.array_agg(l.id), pg_catalog.array_agg(l.room), pg_catalog.array_agg(l.customer_limit),
         count(*) = pg_catalog.cardinality(codes) AND bool_and(l.is_open), bool_or(l.has_rules)
    INTO code_ids, rooms, customer_limits, accepted, has_rules
    FROM (SELECT f.place, b.id, b.room, b.customer_limit, b.is_open, b.has_rules
            FROM (SELECT q.place, :code_id(q.shop, q.code) AS id
                    FROM unnest(codes, shops) WITH ORDINALITY AS q(code, shop, place)
                   ORDER BY id) AS f
           CROSS JOIN LATERAL (
                  SELECT c.:"code_id" AS id, :room() AS room, c.:"per_customer_limit"::bigint AS customer_limit,
                         :code_state(now(), now()) IS NULL AS is_open, :has_rules() AS has_rules
                    FROM :"codes" AS c
                   WHERE c.:"code_id" = f.id
                     FOR NO KEY UPDATE) AS b
           ORDER BY f.place) AS l;

  /*if not times_used*/
  -- The statement that waited for the locks has counted with an older snapshot.
  SELECT pg_catalog.array_agg(:room() ORDER BY q.place) INTO rooms
    FROM pg_catalog.unnest(code_ids) WITH ORDINALITY AS q(id, place)
    LEFT JOIN :"codes" AS c ON c.:"code_id" = q.id;
  /*fi*/

  -- Campaigns come after all codes, in the order of their ids; a later statement than the one that waits for the codes sees which they
  -- are.
  IF accepted THEN
    :find_campaigns(code_ids);
    IF pg_catalog.cardinality(pg_catalog.array_remove(campaign_ids, NULL)) > 0 THEN
      SELECT coalesce(bool_and(l.is_open), true), coalesce(bool_or(l.has_budget), false) INTO accepted, has_budget
        FROM (SELECT :campaign_refusal() IS NULL AS is_open, g.max_total_bonus IS NOT NULL AS has_budget
                FROM :"library".promo_code_campaigns AS g
               WHERE g.id = ANY (campaign_ids)
               ORDER BY g.id
                 FOR NO KEY UPDATE) AS l;
    ELSE
      campaign_ids := NULL;
    END IF;
  END IF;

  -- Columns that do not take a text as it is are left to record_promo_code_uses. That the table is named makes this planned anew when it
  -- is altered.
  accepted := accepted AND NOT is_retry AND pg_catalog.cardinality(columns) = 0 AND :'uses'::regclass IS NOT NULL
              AND :"library".promo_code_is_text((CAST(NULL AS :"uses")).:"customer_address")
              /*if transaction_id*/ AND :"library".promo_code_is_text((CAST(NULL AS :"uses")).:"transaction_id") /*fi*/;
  -- What codes in demand answer most of the time, once they are used up: nobody gives way, and nothing was asked before.
  IF accepted AND campaign_ids IS NULL AND NOT has_rules AND pg_catalog.cardinality(keys) = 0 AND 0::bigint >= ALL (rooms) THEN
    is_used_up := NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h
                               WHERE h.promo_code_id = ANY (code_ids) AND h.released_at IS NULL)
                  AND NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.use_id = ANY (use_ids));
    accepted := NOT is_used_up;
  END IF;
  IF accepted AND has_rules THEN
    SELECT bool_and(f.fits) INTO accepted
      FROM (SELECT bool_and(a.is_right) AND :fits_budget(sum(a.bonus), min(a.budget)) AS fits
              FROM unnest(places, customers, bases, bonuses) AS q(place, customer, base, given)
             CROSS JOIN LATERAL (
                    SELECT c.:"code_id" AS id, :is_for(:asked_customer(q.customer)) AND NOT :is_below(q.base) AS is_right,
                           :bonus(q.given, q.base) AS bonus, :budget_left() AS budget
                      FROM :"codes" AS c
                     WHERE c.:"code_id" = code_ids[q.place]
                    OFFSET 0) AS a
             GROUP BY a.id) AS f;
  END IF;
  IF accepted AND campaign_ids IS NOT NULL THEN
    SELECT coalesce(bool_and(f.fits), true) INTO accepted
      FROM (SELECT coalesce(sum(p.uses) <= min(:campaign_room())::numeric, true)
                   AND :fits_budget(sum(p.bonus), min(:campaign_budget_left()))
                   AND bool_and(g.per_customer_limit IS NULL
                                OR p.uses + :campaign_customer_uses(g.id, p.who, greatest(g.per_customer_limit, 0::bigint), true)
                                   <= g.per_customer_limit) AS fits
              FROM (SELECT r.campaign_id, r.who, count(*) AS uses, sum(r.bonus) AS bonus
                      FROM (SELECT campaign_ids[q.place] AS campaign_id, :asked_customer(q.customer) AS who, a.bonus
                              FROM unnest(places, customers, bases, bonuses) AS q(place, customer, base, given)
                              LEFT JOIN LATERAL (
                                     SELECT :bonus(q.given, q.base) AS bonus
                                       FROM :"codes" AS c
                                      WHERE has_budget AND c.:"code_id" = code_ids[q.place]
                                     OFFSET 0) AS a ON true) AS r
                     WHERE r.campaign_id IS NOT NULL
                     GROUP BY r.campaign_id, r.who) AS p
              JOIN :"library".promo_code_campaigns AS g ON g.id = p.campaign_id
             GROUP BY g.id) AS f;
  END IF;
  IF accepted THEN
    -- An id whose use was taken back may be that of a batch that the network delivers late.
    SELECT bool_and(f.fits) AND NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h
                                             WHERE h.use_id = ANY (use_ids) AND h.released_at IS NOT NULL)
      INTO accepted
      FROM (SELECT coalesce(sum(p.uses) <= rooms[min(p.place)]::numeric, true)
                   AND bool_and(customer_limits[p.place] IS NULL
                                OR p.uses + :customer_uses(p.id, p.who, greatest(customer_limits[p.place], 0::bigint), true)
                                   <= customer_limits[p.place]) AS fits
              FROM (SELECT r.id, r.who, min(r.place) AS place, count(*) AS uses
                      FROM (SELECT code_ids[q.place] AS id, q.place, :asked_customer(q.customer) AS who
                              FROM unnest(places, customers) AS q(place, customer)) AS r
                     GROUP BY r.id, r.who) AS p
             GROUP BY p.id) AS f;
    :require_free_ids(accepted, u.:"use_id" = ANY (use_ids))
    IF accepted AND pg_catalog.cardinality(keys) > 0 THEN
      WITH taken AS (
        :take_keys(
          shops[q.place], q.key,
          :"library".promo_code_fingerprint(codes[q.place], q.who, q.base, q.bonus, q.transaction, q.seconds, NULL),
          q.id, code_ids[q.place], q.who,
          FROM (SELECT a.*, :asked_customer(a.customer) AS who
                  FROM unnest(places, customers, bases, bonuses, transactions, keys, use_ids, hold_seconds)
                         AS a(place, customer, base, bonus, transaction, key, id, seconds)) AS q
         WHERE q.key IS NOT NULL)
        RETURNING e.shop_id, e.idempotency_key
      )
      SELECT count(*) = pg_catalog.cardinality(pg_catalog.array_remove(keys, NULL)), pg_catalog.array_agg(t.shop_id),
             pg_catalog.array_agg(t.idempotency_key)
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
    IF pg_catalog.cardinality(hold_seconds) > 0 THEN
      :record_holds(
        (SELECT a.id, code_ids[a.place] AS code_id, :asked_customer(a.customer) AS customer, a.seconds
           FROM unnest(use_ids, places, customers, hold_seconds) AS a(id, place, customer, seconds)) AS q);
    END IF;
    WITH made AS (
      :record_uses(
        (SELECT a.id, code_ids[a.place] AS code_id, :asked_customer(a.customer) AS customer, a.transaction, a.base, a.given
           FROM unnest(use_ids, places, customers, transactions, bases, bonuses)
                  AS a(id, place, customer, transaction, base, given)) AS q, false)
      RETURNING ARRAY[NULL, 'redeemed', :use_texts(),
                      CASE WHEN pg_catalog.cardinality(hold_seconds) > 0 THEN :new_expiry() END] AS answer
    )
    SELECT count(*), pg_catalog.array_to_json(pg_catalog.array_agg(m.answer))::text INTO recorded, answer FROM made AS m;
    :reserve_uses(use_ids);
    IF recorded <> pg_catalog.cardinality(use_ids) THEN
      RAISE EXCEPTION 'a trigger of the host kept a use from being inserted' USING ERRCODE = 'PC008';
    END IF;
  ELSIF is_used_up THEN
    answer := (SELECT pg_catalog.array_to_json(pg_catalog.array_agg(:used_up(q.n, code_ids[q.place])))::text
                 FROM unnest(places) WITH ORDINALITY AS q(place, n));
  ELSE
    SELECT pg_catalog.array_to_json(pg_catalog.array_agg(ARRAY[
             r.request::text, r.outcome, r.use_id, r.code_id, r.customer, r.shop, r.transaction, r.base, r.bonus, r.total,
             r.used, r.expires]))::text
      INTO answer
      FROM :"library".redeem_promo_codes_in_order(
             codes, shops, places, customers, bases, bonuses, transactions, keys, use_ids, hold_seconds, duplicate_keys,
             is_retry, strict, columns) AS r;
  END IF;
  IF campaign_ids IS NULL AND NOT accepted AND NOT is_used_up AND code_ids IS NOT NULL THEN
    :find_campaigns(code_ids);
  END IF;
  IF pg_catalog.cardinality(pg_catalog.array_remove(campaign_ids, NULL)) > 0 THEN
    SELECT pg_catalog.concat(pg_catalog.left(answer, -1), ',', string_agg(m.row, ','), ']') INTO answer
      FROM (SELECT pg_catalog.array_to_json(ARRAY[NULL, 'campaign', pg_catalog.array_to_json(pg_catalog.array_agg(q.id::text))::text,
                                                  q.campaign::text])::text AS row
              FROM unnest(code_ids, campaign_ids) AS q(id, campaign)
             WHERE q.campaign IS NOT NULL
             GROUP BY q.campaign) AS m;
  END IF;
  IF wait_here THEN
    setting := set_config('lock_timeout', session_wait, true);
  END IF;
  RETURN answer;
END
$body$;
