-- record_changed_uses(old, new): records what an update has made of rows named o, which are rows named n since. One whose id was
-- changed is gone, and another one is there. A full join, which no plan that was made for a few rows can turn into a loop over
-- many; nothing but the kind says which rows are recorded, so that it stays one. OFFSET 0 keeps a state from being made twice.
:history_columns()
SELECT c.kind, c.before, c.after,
       CASE WHEN c.kind = 'moved' THEN c.old_code END,
       CASE WHEN c.is AND c.old_customer <> c.new_customer THEN c.old_customer END,
       CASE WHEN c.is THEN c.new_id ELSE c.old_id END, CASE WHEN c.is THEN c.new_code ELSE c.old_code END,
       coalesce(c.after, c.before) ->> 'shopId'::text, CASE WHEN c.is THEN c.new_customer ELSE c.old_customer END,
       coalesce(c.after, c.before) ->> 'transactionId'::text,
       coalesce(c.released_as, :history_setting('pg_promo_codes.reason')), :history_setting('pg_promo_codes.actor'),
       clock_timestamp()
  FROM (
    SELECT s.*,
           CASE WHEN s.was AND s.is AND s.old_code <> s.new_code THEN 'moved'
                WHEN s.was AND s.is AND (s.is_confirmed OR s.new_id::text = confirming) THEN 'confirmed'
                WHEN s.was AND s.is AND s.before <> s.after THEN 'amended'
                WHEN s.was AND s.is THEN NULL
                WHEN s.is AND s.is_held THEN 'reserved'
                WHEN s.is THEN 'redeemed'
                WHEN s.released_as IS NOT NULL THEN 'released'
                WHEN s.was THEN 'rolled_back' END AS kind
      FROM (
        SELECT p.was, p.is, o.:"use_id" AS old_id, n.:"use_id" AS new_id, o.:"promo_code_id" AS old_code,
               n.:"promo_code_id" AS new_code,
               CASE WHEN p.was THEN :customer(o) END AS old_customer, CASE WHEN p.is THEN :customer(n) END AS new_customer,
               CASE WHEN p.was THEN :history_state(o) END AS before, CASE WHEN p.is THEN :history_state(n) END AS after,
               :is_reserved(o) AND NOT :is_reserved(n) AS is_confirmed, :is_reserved(n) AS is_held,
               CASE WHEN p.was AND NOT p.is THEN :released_as(o) END AS released_as
          FROM $old
          FULL JOIN $new ON o.:"use_id" = n.:"use_id"
         CROSS JOIN LATERAL (SELECT o.:"use_id" IS NOT NULL AND :counts(o) AS was,
                                    n.:"use_id" IS NOT NULL AND :counts(n) AS is) AS p
        OFFSET 0
      ) AS s
  ) AS c
 WHERE c.kind IS NOT NULL
