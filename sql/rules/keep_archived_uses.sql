-- keep_archived_uses(uses, slack): keeps of rows named u what a call may still ask for: the use of a key, which is found by the time that
-- both have (within the slack, where the column does not hold all of it), and that of a call that may still be repeated. Its id is
-- not free for a call that the network delivers late.
marks AS (
  INSERT INTO :"library".promo_code_holds AS h (use_id, promo_code_id, customer_address, expires_at, released_at, released_as, created_at)
  SELECT u.:"use_id", u.:"promo_code_id", coalesce(:customer(u), ''), now(), clock_timestamp(), 'archived', u.:"used_at"::timestamptz
    FROM $uses
   WHERE :counts(u) AND u.:"used_at"::timestamptz > now() - '1 day'::interval
      ON CONFLICT ON CONSTRAINT promo_code_holds_pkey DO NOTHING
), answers AS (
  INSERT INTO :"library".promo_code_archived_uses AS v (use_id, promo_code_id, customer_address, used_at, answer)
  SELECT u.:"use_id", u.:"promo_code_id", :customer(u), u.:"used_at"::timestamptz, ARRAY[:use_texts()]
    FROM $uses
   WHERE :counts(u)
     AND (u.:"used_at"::timestamptz > now() - '1 day'::interval
          OR EXISTS (SELECT FROM :"library".promo_code_idempotency_keys AS e
                      WHERE e.created_at >= u.:"used_at"::timestamptz - $slack AND e.created_at <= u.:"used_at"::timestamptz + $slack
                        AND e.use_id = u.:"use_id"))
      ON CONFLICT ON CONSTRAINT promo_code_archived_uses_pkey DO UPDATE
     SET promo_code_id = excluded.promo_code_id, customer_address = excluded.customer_address, used_at = excluded.used_at,
         answer = excluded.answer
)
