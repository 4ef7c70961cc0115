-- Takes a use back, under the same lock as redeeming. Answers whether there was one. It leaves a mark for its id: an attempt to
-- redeem that the network delivers only now would find the id free. Two old marks go with each new one, so that nobody has to
-- clean up after rollbacks. Reason and actor are for the history, where they are given; a transaction may have said both itself.
CREATE OR REPLACE FUNCTION :"library".rollback_promo_code_use(wanted :use_id_type, why text, by_whom text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  code_id :code_id_type;
  who text;
  made_at timestamptz;
  was_found boolean;
  earlier_reason text := coalesce(current_setting('pg_promo_codes.reason', true), '');
  earlier_actor text := coalesce(current_setting('pg_promo_codes.actor', true), '');
  setting text;
BEGIN
  SELECT u.:"promo_code_id" INTO code_id FROM :"uses" AS u WHERE u.:"use_id" = wanted AND :counts(u);
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = code_id FOR NO KEY UPDATE;
  IF why IS NOT NULL THEN
    setting := set_config('pg_promo_codes.reason', why, true);
  END IF;
  IF by_whom IS NOT NULL THEN
    setting := set_config('pg_promo_codes.actor', by_whom, true);
  END IF;
  :take_back(u.:"use_id" = wanted)
  RETURNING u.:"promo_code_id", :customer(u), u.:"used_at"::timestamptz INTO code_id, who, made_at;
  was_found := FOUND;
  IF why IS NOT NULL THEN
    setting := set_config('pg_promo_codes.reason', earlier_reason, true);
  END IF;
  IF by_whom IS NOT NULL THEN
    setting := set_config('pg_promo_codes.actor', earlier_actor, true);
  END IF;
  IF NOT was_found THEN
    -- A hold that was released meanwhile keeps its mark.
    DELETE FROM :"library".promo_code_holds AS h WHERE h.use_id = wanted AND h.released_at IS NULL;
    RETURN false;
  END IF;
  INSERT INTO :"library".promo_code_holds AS h (use_id, promo_code_id, customer_address, expires_at, released_at, released_as,
                                               created_at)
  VALUES (wanted, code_id, coalesce(who, ''), clock_timestamp(), clock_timestamp(), 'rolled_back', made_at)
      ON CONFLICT ON CONSTRAINT promo_code_holds_pkey DO UPDATE
     SET promo_code_id = excluded.promo_code_id, customer_address = excluded.customer_address,
         expires_at = excluded.expires_at, released_at = excluded.released_at, released_as = excluded.released_as,
         created_at = excluded.created_at;
  DELETE FROM :"library".promo_code_holds AS h
   WHERE h.use_id = ANY (ARRAY(
           SELECT o.use_id FROM :"library".promo_code_holds AS o
            WHERE o.released_at IS NOT NULL AND o.released_at < now() - '90 days'::interval
            ORDER BY o.released_at
            LIMIT 2
              FOR UPDATE SKIP LOCKED));
  RETURN true;
END
$body$;
