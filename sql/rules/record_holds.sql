-- record_holds(requests): makes holds for rows named q, each with id, code_id, customer (as it is compared) and seconds. A
-- hold that has the id already is of a use that is gone: the use that is inserted next would not find the id free.
INSERT INTO :"library".promo_code_holds AS h (use_id, promo_code_id, customer_address, expires_at, created_at)
SELECT q.id, q.code_id, q.customer, clock_timestamp() + pg_catalog.make_interval(secs => q.seconds::double precision), now()
  FROM $requests
 WHERE q.seconds IS NOT NULL
    ON CONFLICT ON CONSTRAINT promo_code_holds_pkey DO UPDATE
   SET promo_code_id = excluded.promo_code_id, customer_address = excluded.customer_address,
       expires_at = excluded.expires_at, created_at = excluded.created_at, released_at = NULL, released_as = NULL
