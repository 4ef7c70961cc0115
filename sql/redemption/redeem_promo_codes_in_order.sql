-- Redeems a batch as redeem_promo_codes does, with the results that its requests would have one after another, for batches
-- that cannot be recorded as they are: refusals, holds that give way, keys that are known, retries. That function alone calls
-- it, and it runs under its settings. A refusal of one request undoes nothing of others.
--
-- As a rule the whole batch is one segment, which redeem_promo_code_segment decides at once. Where a request depends on what
-- one before it leaves behind (its key stands in the batch before, or it could take the place of a hold that the batch
-- makes), a segment ends before it. The next one is not much longer, so that a batch of such requests is not decided anew
-- for each of them.
--
-- Rows without a request are uses that were made; they answer the request with that id. Every other row answers the request
-- of that number: 'found' (the use of an earlier attempt or of the same key), 'rolled_back' (it is gone), 'key_conflict',
-- 'id_taken', 'uncertain' (the use with the id is of the code, and it is unknown whether it is that of an earlier attempt), or
-- the reason of a refusal.
CREATE OR REPLACE FUNCTION :"library".redeem_promo_codes_in_order(codes text[], shops text[], places integer[], customers text[], bases numeric[], bonuses numeric[], transactions text[], keys text[], use_ids :use_id_type[], hold_seconds integer[], duplicate_keys boolean[], is_retry boolean, strict boolean, columns jsonb[])
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  requests integer := pg_catalog.cardinality(use_ids);
  first integer := 1;
  last integer := requests;
  duplicate integer;
  done integer;
BEGIN
  WHILE first <= requests LOOP
    duplicate := pg_catalog.array_position(duplicate_keys, true, first + 1);
    IF duplicate <= last THEN
      last := duplicate - 1;
    END IF;
    RETURN QUERY
      SELECT r.*
        FROM :"library".redeem_promo_code_segment(
               codes, shops, places[first:last], customers[first:last], bases[first:last], bonuses[first:last],
               transactions[first:last], keys[first:last], use_ids[first:last], hold_seconds[first:last], is_retry, strict,
               first - 1, columns[first:last]) AS r;
    GET DIAGNOSTICS done = ROW_COUNT;
    first := first + done;
    last := least(first + 2 * done - 1, requests);
  END LOOP;
END
$body$;
