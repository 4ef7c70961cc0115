-- Redeems a batch as redeem_promo_codes does, with the results that the requests would have one after another, for batches
-- that cannot be recorded as they are: refusals, holds that give way, keys that are known, retries. That function alone calls
-- it: it has locked the codes, and names for each place in codes the id, what is left of the total limit, the limit of each
-- customer, and why the code cannot be redeemed, if it cannot. A refusal of one request undoes nothing of others.
--
-- Nothing is decided one by one. The rank of a request among those of its customer, against what is left for the customer,
-- says whether it passes; the number of those before it that pass, against what is left of the code, says the rest. A request
-- that a limit refuses takes the place of a hold of the same customer, where there is one: that leaves all counts as they
-- are. Where a request depends on a row that one before it writes (a key that comes twice, a hold that the same batch makes),
-- a segment ends before it, and the next one begins.
--
-- Rows without a request are uses that were made; they answer the request with that id. Every other row answers the request
-- of that number: 'found' (the use of an earlier attempt or of the same key), 'key_conflict', 'id_taken', or the reason of a
-- refusal.
CREATE OR REPLACE FUNCTION :"schema".redeem_promo_codes_in_order(code_ids bigint[], rooms bigint[], customer_limits bigint[], states text[], codes text[], shops text[], places integer[], customers text[], bases numeric[], transactions text[], keys text[], use_ids bigint[], hold_seconds integer[], doubled boolean[], again boolean, strict boolean)
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Nothing, but of the columns' collations: what is compared with a column is folded as the column is.
  like_uses :"schema".promo_code_uses%ROWTYPE;
  requests integer := cardinality(use_ids);
  -- As they are matched; what is grouped by them is grouped under the collation of the column.
  whos text[];
  -- By request: NULL while nothing speaks against it; the use that answers it; the hold whose place it takes.
  outcomes text[];
  found_ids bigint[];
  replaced bigint[];
  -- By request: the limit that refuses it, and whether a hold in its place would help.
  limits_reached text[];
  may_replace boolean[];
  has_key boolean[];
  with_holds boolean := cardinality(hold_seconds) > 0;
  -- The segment.
  first integer := 1;
  last integer;
  cut integer;
  is_swept boolean := false;
  freed bigint[];
  lost integer[];
BEGIN
  SELECT array_agg(lower(btrim(coalesce(q.customer, like_uses.customer_address::text))) ORDER BY q.n) INTO whos
    FROM unnest(customers) WITH ORDINALITY AS q(customer, n);
  outcomes := array_fill(NULL::text, ARRAY[requests]);
  found_ids := use_ids;

  WHILE first <= requests LOOP
    last := requests;
    IF cardinality(doubled) > 0 THEN
      SELECT coalesce(min(q.n) - 1, requests) INTO last
        FROM unnest(doubled) WITH ORDINALITY AS q(is_doubled, n)
       WHERE q.is_doubled AND q.n > first;
    END IF;

    -- What is known without a look at limits.
    SELECT array_agg(CASE
             WHEN q.n NOT BETWEEN first AND last THEN q.outcome
             WHEN e.use_id IS NOT NULL THEN
               CASE WHEN e.fingerprint = :"schema".promo_code_fingerprint(codes[q.place], q.who, q.base, q.transaction, q.seconds)
                    THEN 'found' ELSE 'key_conflict' END
             WHEN u.is_same THEN 'found'
             WHEN NOT u.is_same THEN 'id_taken'
             -- A hold that was recorded and has been released meanwhile.
             WHEN again AND EXISTS (SELECT FROM :"schema".promo_code_holds AS h WHERE h.use_id = q.id) THEN 'found'
             ELSE states[q.place] END ORDER BY q.n),
           array_agg(coalesce(e.use_id, q.found) ORDER BY q.n)
      INTO outcomes, found_ids
      FROM unnest(places, whos, bases, transactions, keys, use_ids, hold_seconds, outcomes, found_ids) WITH ORDINALITY
             AS q(place, who, base, transaction, key, id, seconds, outcome, found, n)
      LEFT JOIN LATERAL (
             SELECT e.fingerprint, e.use_id FROM :"schema".promo_code_idempotency_keys AS e
              WHERE q.key IS NOT NULL AND q.n BETWEEN first AND last AND e.shop_id = shops[q.place] AND e.idempotency_key = q.key
              LIMIT 1) AS e ON true
      LEFT JOIN LATERAL (
             -- Everything else of it may have been changed since, by a trigger of the host or by an amendment.
             SELECT u.promo_code_id IS NOT DISTINCT FROM code_ids[q.place] AS is_same
               FROM :"schema".promo_code_uses AS u
              WHERE again AND u.id = q.id
              LIMIT 1) AS u ON true;
    has_key := array_fill(false, ARRAY[requests]);

    LOOP
      replaced := array_fill(NULL::bigint, ARRAY[requests]);
      SELECT array_agg(d.reached ORDER BY d.n), array_agg(d.may_replace ORDER BY d.n)
        INTO limits_reached, may_replace
        FROM (SELECT p.n, p.may_replace,
                     CASE WHEN NOT p.is_open THEN NULL
                          WHEN count(*) FILTER (WHERE p.passes)
                                 OVER (PARTITION BY p.id ORDER BY p.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                               >= rooms[p.place] THEN 'usage_limit_reached'
                          WHEN NOT p.passes THEN 'customer_limit_reached' END AS reached
                FROM (SELECT r.n, r.place, r.id, r.is_open,
                             r.is_open AND coalesce(r.rank + r.had <= customer_limits[r.place], true) AS passes,
                             r.is_open AND coalesce(r.had <= customer_limits[r.place], true)
                               AND coalesce(rooms[r.place] >= 0, true) AS may_replace
                        FROM (SELECT q.n, q.place, q.id, q.who, q.is_open,
                                     row_number() OVER (PARTITION BY q.id, q.who, q.is_open ORDER BY q.n) AS rank,
                                     CASE WHEN q.is_open AND customer_limits[q.place] IS NOT NULL THEN (
                                       -- In the order of the index, so that no planner prefers an index on promo_code_id
                                       -- alone, however little it knows of the table; and no more rows than matter.
                                       SELECT count(*)
                                         FROM (SELECT FROM :"schema".promo_code_uses AS u
                                                WHERE u.promo_code_id = q.id AND lower(btrim(u.customer_address::text)) >= q.who
                                                  AND lower(btrim(u.customer_address::text)) <= q.who
                                                ORDER BY lower(btrim(u.customer_address::text))
                                                LIMIT greatest(customer_limits[q.place], 0) + 1) AS own) END AS had
                                FROM (SELECT q.n, q.place, code_ids[q.place] AS id,
                                             coalesce(q.who, like_uses.customer_address::text) AS who,
                                             q.outcome IS NULL AND q.n BETWEEN first AND last AS is_open
                                        FROM unnest(places, whos, outcomes) WITH ORDINALITY AS q(place, who, outcome, n)) AS q
                             ) AS r) AS p) AS d;

      IF cardinality(array_remove(limits_reached, NULL)) > 0 THEN
        -- Holds of the code that have expired give way first, then the customer's own, which is the same purchase once more.
        IF NOT is_swept THEN
          SELECT array_agg(coalesce(f.freed, 0) ORDER BY p.place) INTO freed
            FROM unnest(code_ids) WITH ORDINALITY AS p(id, place)
            LEFT JOIN (SELECT l.id, :"schema".release_promo_code_holds(l.id, 1000) AS freed
                         FROM (SELECT DISTINCT code_ids[q.place] AS id
                                 FROM unnest(places, limits_reached) AS q(place, reached)
                                WHERE q.reached IS NOT NULL
                                ORDER BY 1) AS l) AS f ON f.id = p.id;
          SELECT array_agg(r.room + r.freed ORDER BY r.place), sum(r.freed) = 0 INTO rooms, is_swept
            FROM unnest(rooms, freed) WITH ORDINALITY AS r(room, freed, place);
          CONTINUE WHEN NOT is_swept;
        END IF;

        IF with_holds THEN
          SELECT min(q.n) INTO cut
            FROM unnest(places, whos, limits_reached) WITH ORDINALITY AS q(place, who, reached, n)
           WHERE q.reached IS NOT NULL
             AND EXISTS (SELECT FROM unnest(places, whos, outcomes, limits_reached, hold_seconds) WITH ORDINALITY
                                       AS b(place, who, outcome, reached, seconds, n)
                          WHERE b.n BETWEEN first AND q.n - 1 AND b.seconds IS NOT NULL AND b.outcome IS NULL
                            AND b.reached IS NULL AND code_ids[b.place] = code_ids[q.place]
                            AND coalesce(b.who, like_uses.customer_address::text) = q.who);
          IF cut IS NOT NULL THEN
            last := cut - 1;
            -- What lies behind the segment is looked at anew, with what this one leaves.
            SELECT array_agg(CASE WHEN q.n <= last THEN q.outcome END ORDER BY q.n) INTO outcomes
              FROM unnest(outcomes) WITH ORDINALITY AS q(outcome, n);
            CONTINUE;
          END IF;
        END IF;

        SELECT array_agg(h.use_id ORDER BY q.n) INTO replaced
          FROM (SELECT q.n, code_ids[q.place] AS id, q.who, q.reached IS NOT NULL AND q.may_replace AS looks,
                       row_number() OVER (PARTITION BY code_ids[q.place], coalesce(q.who, like_uses.customer_address::text),
                                                      q.reached IS NOT NULL ORDER BY q.n) AS rank
                  FROM unnest(places, whos, limits_reached, may_replace) WITH ORDINALITY AS q(place, who, reached, may_replace, n)) AS q
          LEFT JOIN LATERAL (
                 SELECT h.use_id FROM :"schema".promo_code_holds AS h
                  WHERE q.looks AND h.promo_code_id = q.id AND h.customer_address = q.who AND h.released_at IS NULL
                  ORDER BY h.expires_at, h.use_id
                 OFFSET q.rank - 1 LIMIT 1) AS h ON true;
      END IF;
      EXIT WHEN cardinality(keys) = 0;

      -- Before anything is taken away for a request it has to have its key.
      WITH wanted AS (
        SELECT q.n, shops[q.place] AS shop, q.key, q.id,
               :"schema".promo_code_fingerprint(codes[q.place], q.who, q.base, q.transaction, q.seconds) AS fingerprint
          FROM unnest(places, whos, bases, transactions, keys, use_ids, hold_seconds, outcomes, limits_reached, replaced, has_key)
                 WITH ORDINALITY
                 AS q(place, who, base, transaction, key, id, seconds, outcome, reached, replaced, has_key, n)
         WHERE q.n BETWEEN first AND last AND q.key IS NOT NULL AND q.outcome IS NULL AND NOT q.has_key
           AND (q.reached IS NULL OR q.replaced IS NOT NULL)
      ), taken AS (
        INSERT INTO :"schema".promo_code_idempotency_keys AS e (shop_id, idempotency_key, fingerprint, use_id)
        SELECT w.shop, w.key, w.fingerprint, w.id FROM wanted AS w ORDER BY w.shop, w.key
            ON CONFLICT DO NOTHING
        RETURNING e.use_id
      )
      SELECT array_agg(w.n::integer) FILTER (WHERE w.n IS NOT NULL AND t.use_id IS NULL),
             array_agg(coalesce(has_key[n.n] OR t.use_id IS NOT NULL, false) ORDER BY n.n)
        INTO lost, has_key
        FROM generate_series(1, requests) AS n(n)
        LEFT JOIN wanted AS w ON w.n = n.n
        LEFT JOIN taken AS t ON t.use_id = w.id;
      EXIT WHEN lost IS NULL;
      -- The same key for another code, which is under another lock. It is there now.
      SELECT array_agg(CASE WHEN q.n = ANY (lost) THEN 'key_conflict' ELSE q.outcome END ORDER BY q.n) INTO outcomes
        FROM unnest(outcomes) WITH ORDINALITY AS q(outcome, n);
    END LOOP;

    IF strict AND 'key_conflict' = ANY (outcomes) THEN
      RAISE EXCEPTION 'the idempotency key of request % was used before with other parameters', array_position(outcomes, 'key_conflict')
        USING ERRCODE = 'PC007';
    END IF;

    IF cardinality(array_remove(replaced, NULL)) > 0 THEN
      -- Who was answered with such a hold before is answered as it was then.
      RETURN QUERY
        SELECT a.*
          FROM (SELECT array_agg(q.n::integer) AS n, array_agg(q.outcome) AS outcomes, array_agg(q.found) AS found,
                       array_agg(code_ids[q.place]) AS codes
                  FROM unnest(places, outcomes, found_ids) WITH ORDINALITY AS q(place, outcome, found, n)
                 WHERE q.outcome = 'found' AND q.n < array_position(replaced, q.found)) AS q
         CROSS JOIN LATERAL :"schema".answer_promo_code_requests(q.n, q.outcomes, q.found, q.codes) AS a
         WHERE q.n IS NOT NULL;
      SELECT array_agg(CASE WHEN q.outcome = 'found' AND q.n < array_position(replaced, q.found) THEN 'answered' ELSE q.outcome END
                       ORDER BY q.n) INTO outcomes
        FROM unnest(outcomes, found_ids) WITH ORDINALITY AS q(outcome, found, n);
      UPDATE :"schema".promo_code_holds AS h SET released_at = now(), released_as = 'replaced' WHERE h.use_id = ANY (replaced);
      DELETE FROM :"schema".promo_code_uses AS u WHERE u.id = ANY (replaced);
    END IF;

    RETURN QUERY
      SELECT r.*
        FROM (SELECT array_agg(q.id ORDER BY q.n) AS ids, array_agg(c.id ORDER BY q.n) AS codes,
                     array_agg(btrim(q.customer) ORDER BY q.n) AS customers, array_agg(q.transaction ORDER BY q.n) AS transactions,
                     array_agg(q.base ORDER BY q.n) AS bases,
                     -- A product is exact at any size; a division by 100 would be cut at some place and then rounded once more.
                     array_agg(CASE WHEN c.is_percentage THEN least(round(q.base * c.bonus_value * 0.01::numeric, 2), c.max_bonus)
                                    ELSE c.bonus_value END ORDER BY q.n) AS bonuses,
                     CASE WHEN with_holds THEN array_agg(q.seconds ORDER BY q.n) END AS seconds
                FROM unnest(places, customers, transactions, bases, use_ids, hold_seconds, outcomes, limits_reached, replaced)
                       WITH ORDINALITY
                       AS q(place, customer, transaction, base, id, seconds, outcome, reached, replaced, n)
               CROSS JOIN LATERAL (
                       SELECT c.id, c.bonus_type::text = 'percentage' AS is_percentage, c.bonus_value::numeric AS bonus_value,
                              c.max_bonus::numeric AS max_bonus
                         FROM :"schema".promo_codes AS c
                        WHERE c.id = code_ids[q.place]
                       OFFSET 0) AS c
               WHERE q.n BETWEEN first AND last AND q.outcome IS NULL AND (q.reached IS NULL OR q.replaced IS NOT NULL)) AS q
       CROSS JOIN LATERAL :"schema".record_promo_code_uses(
               q.ids, q.codes, q.customers, q.transactions, q.bases, q.bonuses, coalesce(q.seconds, '{}')) AS r
       WHERE q.ids IS NOT NULL;

    SELECT array_agg(r.room - coalesce(a.uses, 0) ORDER BY r.place) INTO rooms
      FROM unnest(rooms, code_ids) WITH ORDINALITY AS r(room, id, place)
      LEFT JOIN (SELECT code_ids[q.place] AS id, count(*) AS uses
                   FROM unnest(places, outcomes, limits_reached) WITH ORDINALITY AS q(place, outcome, reached, n)
                  WHERE q.n BETWEEN first AND last AND q.outcome IS NULL AND q.reached IS NULL
                  GROUP BY 1) AS a ON a.id = r.id;
    SELECT array_agg(CASE WHEN q.n NOT BETWEEN first AND last THEN q.outcome
                          WHEN q.outcome IS NOT NULL THEN q.outcome
                          WHEN q.reached IS NULL OR q.replaced IS NOT NULL THEN 'redeemed'
                          ELSE q.reached END ORDER BY q.n)
      INTO outcomes
      FROM unnest(outcomes, limits_reached, replaced) WITH ORDINALITY AS q(outcome, reached, replaced, n);
    first := last + 1;
    is_swept := false;
  END LOOP;

  RETURN QUERY
    SELECT a.*
      FROM (SELECT array_agg(q.n::integer) AS n, array_agg(q.outcome) AS outcomes, array_agg(q.found) AS found,
                   array_agg(code_ids[q.place]) AS codes
              FROM unnest(places, outcomes, found_ids) WITH ORDINALITY AS q(place, outcome, found, n)
             WHERE q.outcome NOT IN ('redeemed', 'answered')) AS q
     CROSS JOIN LATERAL :"schema".answer_promo_code_requests(q.n, q.outcomes, q.found, q.codes) AS a
     WHERE q.n IS NOT NULL;
END
$body$;
