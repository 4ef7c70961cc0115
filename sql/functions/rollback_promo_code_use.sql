-- Takes a use back, under the same lock as redeeming. Answers whether there was one. It leaves a mark for its id: an attempt to
-- redeem that the network delivers only now would find the id free. Two old marks go with each new one, so that nobody has to
-- clean up after rollbacks.
CREATE OR REPLACE FUNCTION :"schema".rollback_promo_code_use(wanted bigint)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  code_id bigint;
  who text;
  made_at timestamptz;
BEGIN
  SELECT u.promo_code_id INTO code_id FROM :"schema".promo_code_uses AS u WHERE u.id = wanted;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM FROM :"schema".promo_codes AS c WHERE c.id = code_id FOR NO KEY UPDATE;
  DELETE FROM :"schema".promo_code_uses AS u WHERE u.id = wanted
  RETURNING u.promo_code_id, lower(btrim(u.customer_address::text)), u.used_at::timestamptz INTO code_id, who, made_at;
  IF NOT FOUND THEN
    -- A hold that was released meanwhile keeps its mark.
    DELETE FROM :"schema".promo_code_holds AS h WHERE h.use_id = wanted AND h.released_at IS NULL;
    RETURN false;
  END IF;
  INSERT INTO :"schema".promo_code_holds AS h (use_id, promo_code_id, customer_address, expires_at, released_at, released_as,
                                               created_at)
  VALUES (wanted, coalesce(code_id, 0), coalesce(who, ''), clock_timestamp(), clock_timestamp(), 'rolled_back', made_at)
      ON CONFLICT ON CONSTRAINT promo_code_holds_pkey DO UPDATE
     SET promo_code_id = excluded.promo_code_id, customer_address = excluded.customer_address,
         expires_at = excluded.expires_at, released_at = excluded.released_at, released_as = excluded.released_as,
         created_at = excluded.created_at;
  DELETE FROM :"schema".promo_code_holds AS h
   WHERE h.use_id = ANY (ARRAY(
           SELECT o.use_id FROM :"schema".promo_code_holds AS o
            WHERE o.released_at IS NOT NULL AND o.released_at < now() - interval '90 days'
            ORDER BY o.released_at
            LIMIT 2
              FOR UPDATE SKIP LOCKED));
  RETURN true;
END
$body$;
