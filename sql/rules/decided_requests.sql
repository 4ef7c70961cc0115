-- decided_requests(known): campaign_refused_requests, with the refusals by limits and budgets, those of the campaign before those of
-- the code. may_replace: whether one hold less would be enough, as far as limits go; needs: how much that hold has to give back, where
-- there is a budget. is_limited: whether expired holds are in the way. What a limit or a budget refuses takes up nothing. A request
-- that no longer fits after others before it waits for the next segment, with all that come after it: what has to be left for it is
-- known only then.
(SELECT d.n, d.code_id, d.who, d.found_id, d.found_code_id, d.found_customer, d.found_time, d.may_replace, d.needs,
        CASE WHEN bool_or(d.is_too_much) OVER (ORDER BY d.n) THEN 'waits' ELSE d.outcome END AS outcome,
        coalesce(:is_limit(d.outcome) OR (d.outcome IS NULL AND d.paid < d.bonus), false) AS is_limited
   FROM (SELECT o.*,
                greatest(least(o.bonus, CASE WHEN o.caps THEN 0.00000000000000000001::numeric END) - o.budget,
                         least(o.bonus, CASE WHEN campaign_caps[o.place] THEN 0.00000000000000000001::numeric END)
                           - campaign_budgets[o.place]) AS needs,
                (o.outcome IS NULL AND NOT :fits_budget(
                  o.paid,
                  o.budget - coalesce(sum(o.paid) FILTER (WHERE o.outcome IS NULL)
                                        OVER (PARTITION BY o.code_id ORDER BY o.n
                                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0::numeric)))
                -- What those before it leave may be a reason that comes before its own.
                OR (o.is_undecided AND o.campaign_id IS NOT NULL AND (
                  (o.campaign_refusal IS DISTINCT FROM 'campaign_limit_reached'
                   AND coalesce(count(*) FILTER (WHERE o.outcome IS NULL)
                                  OVER (PARTITION BY o.campaign_id ORDER BY o.n
                                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) >= campaign_rooms[o.place], false))
                  OR (coalesce(o.campaign_refusal = 'campaign_budget_exhausted', true)
                      AND coalesce(o.campaign_had + count(*) FILTER (WHERE o.outcome IS NULL)
                                     OVER (PARTITION BY o.campaign_id, o.who ORDER BY o.n
                                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                                   >= campaign_customer_limits[o.place], false))
                  OR (o.campaign_refusal IS NULL AND NOT :fits_budget(
                    o.paid,
                    campaign_budgets[o.place]
                      - coalesce(sum(o.paid) FILTER (WHERE o.outcome IS NULL)
                                   OVER (PARTITION BY o.campaign_id ORDER BY o.n
                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0::numeric))))) AS is_too_much
           FROM (SELECT p.n, p.place, p.code_id, p.who, p.found_id, p.found_code_id, p.found_customer, p.found_time, p.bonus,
                        p.budget, p.caps, p.paid, p.outcome IS NULL AS is_undecided, p.campaign_id, p.campaign_had, p.campaign_refusal,
                        CASE WHEN p.outcome IS NOT NULL THEN p.outcome
                             WHEN p.campaign_refusal IS NOT NULL THEN p.campaign_refusal
                             WHEN count(*) FILTER (WHERE p.is_within AND NOT p.is_over)
                                    OVER (PARTITION BY p.code_id ORDER BY p.n
                                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) >= p.room
                             THEN 'usage_limit_reached'
                             WHEN NOT p.is_within THEN 'customer_limit_reached'
                             WHEN p.is_over THEN 'budget_exhausted' END AS outcome,
                        p.outcome IS NULL AND coalesce(p.had <= p.customer_limit, true) AND coalesce(p.room >= 0::bigint, true)
                          AND coalesce(p.campaign_had <= campaign_customer_limits[p.place], true)
                          AND coalesce(campaign_rooms[p.place] >= 0::bigint, true) AS may_replace
                   FROM (SELECT s.*, s.is_open AND coalesce(s.had + s.before < s.customer_limit, true) AS is_within
                           FROM (SELECT r.*, count(*) FILTER (WHERE r.is_open AND NOT r.is_over)
                                               OVER (PARTITION BY r.code_id, r.who, r.outcome IS NULL ORDER BY r.n
                                                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
                                        max(CASE WHEN r.outcome IS NULL AND r.rank = 1::bigint AND r.customer_limit IS NOT NULL
                                                 THEN :customer_uses(
                                                        r.code_id, r.who, :past_limit(r.customer_limit), true)
                                            END) OVER (PARTITION BY r.code_id, r.who, r.outcome IS NULL) AS had
                                   FROM (SELECT q.*, q.outcome IS NULL AND q.campaign_refusal IS NULL AS is_open,
                                                rooms[q.place] AS room, customer_limits[q.place] AS customer_limit,
                                                -- In a segment the budget only shrinks.
                                                NOT :fits_budget(q.bonus, q.budget)
                                                  AND NOT (q.caps AND q.budget > 0::numeric) AS is_over,
                                                row_number() OVER (PARTITION BY q.code_id, q.who, q.outcome IS NULL
                                                                   ORDER BY q.n) AS rank
                                           FROM :campaign_refused_requests($known) AS q) AS r) AS s) AS p) AS o) AS d
  ORDER BY d.n)
