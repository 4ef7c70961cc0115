-- Gives requests that a limit refuses the holds of the same customer, in whose places they are accepted: a purchase after a
-- reservation, which must not be counted against it. The arrays have an element for each request of a segment; may_replace
-- tells where one hold less would be enough, needs how much it has to give back to the budget of the code, where it has one. It
-- changes nothing.
--
-- Answers the hold for each request, and the outcomes as they are then: NULL with a hold, 'waits' from the first request on
-- that could take the place of a hold which the segment itself is to make. Of a code with a budget only the first request of a
-- segment takes the place of a hold, and all others wait: two bonuses are seldom the same, so that what is left changes.
CREATE OR REPLACE FUNCTION :"library".assign_promo_code_holds(outcomes text[], may_replace boolean[], needs numeric[], code_ids :code_id_type[], customers text[], use_ids :use_id_type[], hold_seconds integer[])
RETURNS TABLE (replaced_ids :use_id_type[], new_outcomes text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- A request that the network delivers late must not give way to itself.
  open_ids :use_id_type[] := ARRAY(SELECT a.id FROM unnest(use_ids, outcomes) AS a(id, outcome)
                              WHERE coalesce(:is_limit(a.outcome) OR a.outcome = 'waits', true));
BEGIN
  RETURN QUERY
  SELECT pg_catalog.array_agg(CASE WHEN NOT d.waits THEN d.hold_id END ORDER BY d.n),
         pg_catalog.array_agg(CASE WHEN d.waits THEN 'waits' WHEN d.hold_id IS NULL THEN d.outcome END ORDER BY d.n)
    FROM (SELECT s.n, s.outcome, s.hold_id,
                 bool_or(s.looks AND (s.has_new_hold OR (s.n > 1::bigint AND s.is_moving))) OVER (ORDER BY s.n)
                   OR (s.n > 1::bigint AND bool_or(s.n = 1::bigint AND s.is_moving) OVER (ORDER BY s.n)) AS waits
            FROM (SELECT r.n, r.outcome, r.looks, own.hold_id, r.needs IS NOT NULL AND own.hold_id IS NOT NULL AS is_moving,
                         coalesce(bool_or(r.seconds IS NOT NULL AND (r.outcome IS NULL OR own.hold_id IS NOT NULL))
                           OVER (PARTITION BY r.code_id, r.who ORDER BY r.n
                                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS has_new_hold
                    FROM (SELECT q.*,
                                 row_number() OVER (PARTITION BY q.code_id, q.who, q.looks ORDER BY q.n)
                                   -- The first of a segment takes none that gives back too little, and otherwise all others wait.
                                   - count(*) FILTER (WHERE q.n = 1::bigint AND q.needs IS NOT NULL)
                                       OVER (PARTITION BY q.code_id, q.who, q.looks ORDER BY q.n
                                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS rank
                            FROM (SELECT a.n, a.code_id, :collated_customer(a.who) AS who, a.outcome, a.seconds, a.needs,
                                         coalesce(:is_limit(a.outcome), false) AND a.may_replace AS looks
                                    FROM unnest(outcomes, may_replace, needs, code_ids, customers, hold_seconds) WITH ORDINALITY
                                           AS a(outcome, may_replace, needs, code_id, who, seconds, n)) AS q) AS r
                    LEFT JOIN LATERAL (
                           SELECT h.use_id AS hold_id
                             FROM :"library".promo_code_holds AS h
                             JOIN :"uses" AS u ON u.:"promo_code_id" = r.code_id AND :is_use_of_hold()
                            WHERE r.looks AND h.promo_code_id = r.code_id AND h.customer_address = r.who
                              AND h.released_at IS NULL AND h.use_id <> ALL (open_ids)
                              -- A use that goes by another name by now is not counted for the customer.
                              AND (r.outcome NOT IN ('customer_limit_reached', 'campaign_customer_limit_reached') OR :folded(u.:"customer_address"::text) = r.who)
                              AND coalesce(r.n > 1::bigint OR u.:"bonus_amount"::numeric >= r.needs, true)
                            ORDER BY h.expires_at, h.use_id
                           OFFSET r.rank - 1::bigint
                            LIMIT 1) AS own ON true) AS s) AS d;
END
$body$;
