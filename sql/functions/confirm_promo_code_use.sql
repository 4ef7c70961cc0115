-- Makes a hold a plain use, under the same lock as redeeming. The outcome is 'confirmed' (also for a use that is no hold
-- any more, or never was one), 'expired', 'replaced' or 'unknown'.
CREATE OR REPLACE FUNCTION :"schema".confirm_promo_code_use(wanted bigint, of_transaction text)
RETURNS TABLE (outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  of_code bigint;
  hold record;
  was_held boolean;
BEGIN
  SELECT coalesce((SELECT u.promo_code_id FROM :"schema".promo_code_uses AS u WHERE u.id = wanted),
                  (SELECT h.promo_code_id FROM :"schema".promo_code_holds AS h WHERE h.use_id = wanted)) INTO of_code;
  PERFORM FROM :"schema".promo_codes AS c WHERE c.id = of_code FOR NO KEY UPDATE;

  SELECT h.released_as, h.expires_at INTO hold FROM :"schema".promo_code_holds AS h WHERE h.use_id = wanted;
  was_held := FOUND;
  IF was_held AND hold.released_as IS NOT NULL THEN
    RETURN QUERY SELECT hold.released_as, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;
    RETURN;
  END IF;
  IF was_held AND hold.expires_at <= clock_timestamp() THEN
    RETURN QUERY SELECT 'expired', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;
    RETURN;
  END IF;

  DELETE FROM :"schema".promo_code_holds AS h WHERE h.use_id = wanted;
  IF was_held AND of_transaction IS NOT NULL THEN
    UPDATE :"schema".promo_code_uses AS u SET transaction_id = of_transaction WHERE u.id = wanted;
  END IF;
  RETURN QUERY
    SELECT 'confirmed', u.id::text, u.promo_code_id::text, u.customer_address::text, u.shop_id::text,
           u.transaction_id::text, u.base_reward::text, u.bonus_amount::text, u.total_reward::text,
           extract(epoch FROM u.used_at)::text
      FROM :"schema".promo_code_uses AS u
     WHERE u.id = wanted;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unknown', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;
  END IF;
END
$body$;
