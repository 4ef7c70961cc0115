-- known_requests(): the requests of redeem_promo_code_segment, with the outcome that is known without a look at limits, or
-- NULL, and the use that it would be found in: that of its key, or the one that has its id. Of codes that have a budget, or whose
-- campaigns have one, also the bonus, what is left, what the code would pay and what would be paid. The names are those of variables there.
(SELECT q.n, q.place, q.code_id, q.who, coalesce(used.use_id, q.id) AS found_id,
        coalesce(used.code_id, q.code_id) AS found_code_id, coalesce(used.customer, q.who) AS found_customer,
        CASE WHEN used.use_id IS NULL THEN made.used_at ELSE used.created_at END AS found_time,
        CASE -- Perhaps a request that the network delivers late: its use was taken back, or a retry of it was refused.
             WHEN mark.is_taken_back AND NOT is_retry THEN 'id_taken'
             WHEN used.fingerprint IS NOT NULL
             THEN CASE WHEN used.fingerprint = :"library".promo_code_fingerprint(
                              codes[q.place], q.who, q.base, q.bonus, q.transaction, q.seconds, q.more)
                       THEN 'found' ELSE 'key_conflict' END
             WHEN q.n = ANY (lost) THEN 'key_conflict'
             WHEN NOT made.is_same_code THEN 'id_taken'
             WHEN made.is_same_customer THEN 'found'
             WHEN made.is_same_code THEN 'uncertain'
             -- It was recorded and has been taken back meanwhile.
             WHEN is_retry AND mark.was_recorded THEN 'found'
             WHEN states[q.place] <> 'unsupported_bonus_type' THEN states[q.place]
             WHEN NOT rules.is_for THEN 'not_for_customer'
             WHEN q.bonus IS NULL AND states[q.place] IS NOT NULL THEN states[q.place]
             WHEN rules.is_below THEN 'below_minimum'
             WHEN campaign_states[q.place] IS NOT NULL THEN campaign_states[q.place]
             -- An earlier retry was refused, and nothing can have the id any more.
             WHEN mark.is_taken_back THEN 'id_taken' END AS outcome,
        rules.bonus, rules.budget, rules.caps,
        least(rules.bonus, CASE WHEN rules.caps THEN greatest(rules.budget, 0::numeric) END) AS paid_by_code,
        least(rules.bonus, CASE WHEN rules.caps THEN greatest(rules.budget, 0::numeric) END,
              CASE WHEN campaign_caps[q.place] THEN greatest(campaign_budgets[q.place], 0::numeric) END) AS paid
   FROM (SELECT a.n::integer AS n, a.place, code_ids[a.place] AS code_id, :asked_customer(a.customer) AS who, a.base, a.bonus,
                a.transaction, a.key, a.id, a.seconds, a.more
           FROM unnest(places, customers, bases, bonuses, transactions, keys, use_ids, hold_seconds, columns)
                  WITH ORDINALITY AS a(place, customer, base, bonus, transaction, key, id, seconds, more, n)) AS q
   LEFT JOIN LATERAL (
          -- An earlier version kept nothing but the id. The same fingerprint is the same code and customer.
          SELECT e.fingerprint, e.use_id, e.promo_code_id AS code_id, e.customer_address AS customer, e.created_at
            FROM :"library".promo_code_idempotency_keys AS e
           WHERE q.key IS NOT NULL AND e.shop_id = shops[q.place] AND e.idempotency_key = q.key
           LIMIT 1) AS used ON true
   LEFT JOIN LATERAL (
          -- A refusal knows no code where there was none.
          SELECT h.released_at IS NOT NULL AND h.customer_address = q.who
                   AND (h.promo_code_id IS NULL OR (h.promo_code_id = q.code_id) IS TRUE) AS is_taken_back,
                 h.promo_code_id = q.code_id AND h.customer_address = q.who
                   AND h.released_as IS DISTINCT FROM 'refused' AS was_recorded
            FROM :"library".promo_code_holds AS h
           WHERE h.use_id = q.id
           LIMIT 1) AS mark ON true
   LEFT JOIN LATERAL (
          SELECT u.:"promo_code_id" IS NOT DISTINCT FROM q.code_id AS is_same_code,
                 -- A trigger of the host may give the customer another name. Without one, it is somebody else's use: ids came
                 -- again.
                 (:folded(u.:"customer_address"::text) = q.who) IS TRUE OR (
                   u.:"base_reward"::numeric = q.base /*if transaction_id*/ AND u.:"transaction_id"::text IS NOT DISTINCT FROM q.transaction /*fi*/
                   AND EXISTS (SELECT FROM pg_trigger AS t
                                WHERE t.tgrelid = :'uses'::regclass::oid AND t.tgenabled <> 'D'::"char"
                                  AND t.tgtype::integer & 7 = 7)) AS is_same_customer,
                 u.:"used_at"::timestamptz AS used_at
            FROM :"uses" AS u
           WHERE is_retry AND u.:"use_id" = q.id
           LIMIT 1) AS made ON true
   LEFT JOIN LATERAL (
          SELECT :is_for(q.who) AS is_for, :is_below(q.base) AS is_below, :bonus(q.bonus, q.base) AS bonus,
                 :budget_left() AS budget, :budget_caps() AS caps
            FROM :"codes" AS c
           WHERE has_rules AND c.:"code_id" = q.code_id
           LIMIT 1) AS rules ON true
 OFFSET 0)
