-- Redeems requests of a batch, for redeem_promo_codes_in_order alone, and answers as that does; skipped is the number of
-- requests before them. Nothing is decided one by one. The rank of a request among those of its customer, against what is
-- left for the customer, tells whether it passes; the number of those before it that pass, against what is left of the code,
-- tells the rest, and what they are paid, against what is left of its budget. A request that a limit refuses takes the place of
-- a hold of the same customer, where there is one: that leaves all counts as they are. Requests that have to wait for what
-- others leave behind are not answered: from the first of them on, they are the next segment.
CREATE OR REPLACE FUNCTION :"library".redeem_promo_code_segment(codes text[], shops text[], places integer[], customers text[], bases numeric[], bonuses numeric[], transactions text[], keys text[], use_ids :use_id_type[], hold_seconds integer[], is_retry boolean, strict boolean, skipped integer, columns jsonb[])
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Of the types of the host's columns.
  code_row :"codes"%ROWTYPE;
  -- By the place in codes; a state is why a code cannot be redeemed.
  code_ids :code_id_type[];
  states text[];
  rooms bigint[];
  customer_limits bigint[];
  has_rules boolean;
  -- The campaigns of these codes, where any is in one.
  campaign_ids bigint[];
  campaign_states text[];
  campaign_rooms bigint[];
  campaign_customer_limits bigint[];
  campaign_budgets numeric[];
  campaign_caps boolean[];
  has_budget boolean;
  -- By request. The outcome is NULL where it is accepted.
  of_code_ids :code_id_type[];
  whos text[];
  outcomes text[];
  refusals text[];
  may_replace boolean[];
  limited boolean[];
  needs numeric[];
  found_ids :use_id_type[];
  found_code_ids :code_id_type[];
  found_customers text[];
  found_times timestamptz[];
  -- The holds in whose places requests are accepted.
  replaced_ids :use_id_type[];
  -- The requests whose keys somebody else has.
  lost integer[] := '{}';
  lost_now integer[];
  taken_in text[];
  taken_keys text[];
  is_refused boolean;
  is_swept boolean := false;
BEGIN
  -- The present at the precision of the columns: a date means its whole day.
  /*if start_date*/ code_row.:"start_date" := now(); /*fi*/
  /*if end_date*/ code_row.:"end_date" := now(); /*fi*/
  LOOP
    -- A later statement than the one that waits for the lock sees what was committed meanwhile.
    SELECT pg_catalog.array_agg(b.id ORDER BY f.place),
           pg_catalog.array_agg(CASE WHEN b.id IS NULL THEN 'not_found' ELSE b.state END ORDER BY f.place),
           pg_catalog.array_agg(b.room ORDER BY f.place), pg_catalog.array_agg(b.customer_limit ORDER BY f.place),
           coalesce(bool_or(b.has_rules), false)
      INTO code_ids, states, rooms, customer_limits, has_rules
      FROM (SELECT q.place, coalesce(:code_id(q.shop, q.code), :"library".find_promo_code_as_stored(q.shop, q.code)) AS id
              FROM unnest(codes, shops) WITH ORDINALITY AS q(code, shop, place)
             ORDER BY id) AS f
      LEFT JOIN LATERAL (
             SELECT c.:"code_id" AS id, :room() AS room, c.:"per_customer_limit"::bigint AS customer_limit,
                    :code_state(code_row.:"start_date"::timestamptz, code_row.:"end_date"::timestamptz) AS state,
                    :has_rules() AS has_rules
               FROM :"codes" AS c
              WHERE c.:"code_id" = f.id
                FOR NO KEY UPDATE) AS b ON true;
    /*if not times_used*/
    SELECT pg_catalog.array_agg(:room() ORDER BY q.place) INTO rooms
      FROM pg_catalog.unnest(code_ids) WITH ORDINALITY AS q(id, place)
      LEFT JOIN :"codes" AS c ON c.:"code_id" = q.id;
    /*fi*/
    :find_campaigns(code_ids);
    IF pg_catalog.cardinality(pg_catalog.array_remove(campaign_ids, NULL)) > 0 THEN
      PERFORM FROM :"library".promo_code_campaigns AS g WHERE g.id = ANY (campaign_ids) ORDER BY g.id FOR NO KEY UPDATE;
      SELECT pg_catalog.array_agg(g.id ORDER BY q.place), pg_catalog.array_agg(:campaign_refusal() ORDER BY q.place),
             pg_catalog.array_agg(:campaign_room() ORDER BY q.place), pg_catalog.array_agg(g.per_customer_limit ORDER BY q.place),
             pg_catalog.array_agg(:campaign_budget_left() ORDER BY q.place), pg_catalog.array_agg(:campaign_caps() ORDER BY q.place),
             coalesce(bool_or(g.max_total_bonus IS NOT NULL), false)
        INTO campaign_ids, campaign_states, campaign_rooms, campaign_customer_limits, campaign_budgets, campaign_caps, has_budget
        FROM pg_catalog.unnest(campaign_ids) WITH ORDINALITY AS q(id, place)
        LEFT JOIN :"library".promo_code_campaigns AS g ON g.id = q.id;
      has_rules := has_rules OR has_budget;
    ELSE
      campaign_ids := NULL;
      campaign_states := NULL;
    END IF;
    SELECT pg_catalog.array_agg(d.code_id), pg_catalog.array_agg(d.who), pg_catalog.array_agg(d.outcome),
           pg_catalog.array_agg(d.may_replace), pg_catalog.array_agg(d.needs), pg_catalog.array_agg(d.is_limited),
           pg_catalog.array_agg(d.found_id), pg_catalog.array_agg(d.found_code_id), pg_catalog.array_agg(d.found_customer),
           pg_catalog.array_agg(d.found_time), bool_or(d.is_limited)
      INTO of_code_ids, whos, outcomes, may_replace, needs, limited, found_ids, found_code_ids, found_customers, found_times,
           is_refused
      FROM :decided_requests(:known_requests()) AS d;
    refusals := outcomes;
    replaced_ids := '{}';
    -- Holds of the code that have expired give way first, then the customer's own.
    IF is_refused AND (pg_catalog.cardinality(hold_seconds) > 0 OR campaign_ids IS NOT NULL
                       OR EXISTS (SELECT FROM :"library".promo_code_holds AS h
                                   WHERE h.promo_code_id = ANY (code_ids) AND h.released_at IS NULL)) THEN
      IF NOT is_swept THEN
        SELECT coalesce(sum(:"library".release_promo_code_holds(r.id, 1000)), 0::bigint) = 0::bigint INTO is_swept
          FROM (SELECT DISTINCT q.id FROM unnest(of_code_ids, limited) AS q(id, is_limited)
                 WHERE q.is_limited) AS r
         WHERE EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.promo_code_id = r.id AND :hold_is_due());
        IF is_swept AND campaign_ids IS NOT NULL THEN
          SELECT coalesce(sum(:"library".release_promo_code_campaign_holds(r.id, 1000)), 0::bigint) = 0::bigint INTO is_swept
            FROM (SELECT DISTINCT campaign_ids[q.place] AS id
                    FROM unnest(places, outcomes, limited) AS q(place, outcome, is_limited)
                   WHERE q.is_limited AND campaign_ids[q.place] IS NOT NULL AND coalesce(q.outcome LIKE 'campaign%', true)
                   ORDER BY 1) AS r;
        END IF;
        CONTINUE WHEN NOT is_swept;
      END IF;
      SELECT a.replaced_ids, a.new_outcomes INTO replaced_ids, outcomes
        FROM :"library".assign_promo_code_holds(
               outcomes, may_replace, needs, of_code_ids, whos, use_ids, hold_seconds) AS a;
    END IF;
    EXIT WHEN pg_catalog.cardinality(keys) = 0;

    -- Before anything is taken away for a request it has to have its key.
    WITH wanted AS (
      SELECT q.n::integer AS n, shops[q.place] AS shop, q.key, q.id, q.code_id, q.who,
             :"library".promo_code_fingerprint(codes[q.place], q.who, q.base, q.bonus, q.transaction, q.seconds,
                                                 q.more) AS fingerprint
        FROM unnest(outcomes, of_code_ids, whos, places, bases, bonuses, transactions, keys, use_ids, hold_seconds, columns)
               WITH ORDINALITY AS q(outcome, code_id, who, place, base, bonus, transaction, key, id, seconds, more, n)
       WHERE q.outcome IS NULL AND q.key IS NOT NULL
    ), taken AS (
      :take_keys(q.shop, q.key, q.fingerprint, q.id, q.code_id, q.who, FROM wanted AS q)
      RETURNING e.shop_id, e.idempotency_key
    )
    SELECT pg_catalog.array_agg(q.n) FILTER (WHERE t.shop_id IS NULL), pg_catalog.array_agg(t.shop_id),
           pg_catalog.array_agg(t.idempotency_key)
      INTO lost_now, taken_in, taken_keys
      FROM wanted AS q
      LEFT JOIN taken AS t ON t.shop_id = q.shop AND t.idempotency_key = q.key;
    EXIT WHEN lost_now IS NULL;
    -- The same key for another code, which is under another lock. What it leaves may be somebody else's now.
    lost := pg_catalog.array_cat(lost, lost_now);
    DELETE FROM :"library".promo_code_idempotency_keys AS e
     USING unnest(taken_in, taken_keys) AS t(shop, key)
     WHERE e.shop_id = t.shop AND e.idempotency_key = t.key;
  END LOOP;
  IF strict AND pg_catalog.array_position(outcomes, 'key_conflict') IS NOT NULL THEN
    RAISE EXCEPTION 'the idempotency key of request % was used before with other parameters',
      skipped + pg_catalog.array_position(outcomes, 'key_conflict') USING ERRCODE = 'PC007';
  END IF;

  IF pg_catalog.cardinality(pg_catalog.array_remove(replaced_ids, NULL)) > 0 THEN
    IF pg_catalog.array_position(outcomes, 'found') IS NOT NULL THEN
      -- Who is answered with such a hold before is answered as it is before.
      RETURN QUERY
        SELECT r.*
          FROM (SELECT pg_catalog.array_agg(
                         CASE WHEN pg_catalog.array_position(replaced_ids, q.found_id)::bigint > q.n AND q.outcome = 'found'
                              THEN 'found' END ORDER BY q.n) AS outcomes
                  FROM unnest(outcomes, found_ids) WITH ORDINALITY AS q(outcome, found_id, n)) AS a
         CROSS JOIN LATERAL :"library".answer_promo_code_requests(
                  a.outcomes, of_code_ids, found_ids, found_code_ids, found_customers, found_times, skipped) AS r;
    END IF;
    outcomes := :"library".replace_promo_code_holds(
      outcomes, refusals, replaced_ids, found_ids, of_code_ids, shops, places, keys);
  END IF;

  IF is_retry THEN
    -- The first attempt of what is refused may still be on its way, and must not be accepted when it arrives.
    INSERT INTO :"library".promo_code_holds AS h (use_id, promo_code_id, customer_address, expires_at, released_at,
                                                 released_as, created_at)
    SELECT q.id, q.code_id, q.who, now(), clock_timestamp(), 'refused', now()
      FROM unnest(outcomes, use_ids, of_code_ids, whos) AS q(outcome, id, code_id, who)
     WHERE q.outcome NOT IN ('found', 'key_conflict', 'id_taken', 'uncertain', 'waits', 'answered')
        ON CONFLICT DO NOTHING;
  END IF;
  IF pg_catalog.array_position(outcomes, NULL) IS NOT NULL THEN
    RETURN QUERY
      SELECT r.* FROM :"library".record_promo_code_uses(
        outcomes, use_ids, of_code_ids, whos, transactions, bases, bonuses, hold_seconds, columns) AS r;
  END IF;
  IF pg_catalog.cardinality(pg_catalog.array_remove(outcomes, NULL)) > 0 THEN
    RETURN QUERY
      SELECT r.* FROM :"library".answer_promo_code_requests(
        outcomes, of_code_ids, found_ids, found_code_ids, found_customers, found_times, skipped) AS r;
  END IF;
END
$body$;
