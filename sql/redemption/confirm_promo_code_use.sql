-- Makes a hold a plain use, under the same lock as redeeming. The outcome is 'confirmed' (also for a use that is no hold
-- any more, or never was one), 'conflict' (it is confirmed already, and not for this transaction), 'expired', 'replaced' or
-- 'unknown'. What a use was confirmed for is its own transaction.
CREATE OR REPLACE FUNCTION :"library".confirm_promo_code_use(wanted :use_id_type, of_transaction text)
RETURNS TABLE (outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Of the types of the host's columns.
  use_row :"uses"%ROWTYPE;
  of_code :code_id_type;
  hold record;
  is_written boolean := false;
  /*if history*/
  setting text;
  /*fi*/
BEGIN
  SELECT coalesce((SELECT u.:"promo_code_id" FROM :"uses" AS u WHERE u.:"use_id" = wanted),
                  (SELECT h.promo_code_id FROM :"library".promo_code_holds AS h WHERE h.use_id = wanted)) INTO of_code;
  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = of_code FOR NO KEY UPDATE;

  -- The host may have made it a use itself, by its status.
  SELECT h.released_as, u.:"use_id" IS NOT NULL AS has_use,
         h.expires_at <= clock_timestamp() AND (u.:"use_id" IS NULL OR :is_use_of_hold()) AS is_over
    INTO hold
    FROM :"library".promo_code_holds AS h
    LEFT JOIN :"uses" AS u ON u.:"use_id" = h.use_id AND :is_use_of(h.promo_code_id, h.customer_address, h.created_at)
   WHERE h.use_id = wanted;
  IF FOUND THEN
    outcome := CASE WHEN hold.released_as IN ('rolled_back', 'refused', 'archived') THEN 'unknown'
                    WHEN hold.released_as IS NOT NULL THEN hold.released_as WHEN hold.is_over THEN 'expired'
                    -- Its use is gone, and another one may have the id by now.
                    WHEN NOT hold.has_use THEN 'unknown' END;
    IF outcome IS NOT NULL THEN
      RETURN NEXT;
      RETURN;
    END IF;
    /*if history*/
    -- By this its trigger knows a confirmation, as long as the hold is there.
    setting := set_config('pg_promo_codes.confirming', wanted::text, true);
    /*fi*/
    /*if transaction_id*/
    use_row.:"transaction_id" := of_transaction;
    /*fi*/
    /*if reserved*/
    UPDATE :"uses" AS u
       SET :"rolled_back" = /*if redeemed*/ CAST(:'redeemed' AS :rolled_back_type) /*fi*/ /*if not redeemed*/ DEFAULT /*fi*/
           /*if transaction_id*/ , :"transaction_id" = coalesce(use_row.:"transaction_id", u.:"transaction_id") /*fi*/
     WHERE u.:"use_id" = wanted AND u.:"rolled_back"::text = :'reserved';
    is_written := FOUND;
    /*fi*/
    /*if transaction_id*/
    IF of_transaction IS NOT NULL AND NOT is_written THEN
      UPDATE :"uses" AS u SET :"transaction_id" = use_row.:"transaction_id" WHERE u.:"use_id" = wanted;
      is_written := true;
    END IF;
    /*fi*/
    /*if history*/
    IF NOT is_written THEN
      UPDATE :"uses" AS u SET :"promo_code_id" = u.:"promo_code_id" WHERE u.:"use_id" = wanted;
    END IF;
    setting := set_config('pg_promo_codes.confirming', '', true);
    /*fi*/
    DELETE FROM :"library".promo_code_holds AS h WHERE h.use_id = wanted;
    -- Whatever the table made of it, it is confirmed for this transaction.
    of_transaction := NULL;
  END IF;

  RETURN QUERY
    SELECT CASE WHEN of_transaction IS NULL
                  /*if transaction_id*/
                  OR u.:"transaction_id" = :"library".promo_code_value(of_transaction, use_row.:"transaction_id")
                  /*fi*/
                THEN 'confirmed' ELSE 'conflict' END,
           :use_texts()
      FROM :"uses" AS u
     WHERE u.:"use_id" = wanted AND :counts(u);
  IF NOT FOUND THEN
    outcome := 'unknown';
    RETURN NEXT;
  END IF;
END
$body$;
