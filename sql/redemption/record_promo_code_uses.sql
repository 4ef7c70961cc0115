-- Inserts what redeem_promo_codes_in_order has accepted (the outcome is NULL), in one statement, so that the triggers count
-- once, and answers the rows as the table took them. Its caller knows which request each of them answers by the id. It runs
-- under the settings of redeem_promo_codes. Customers come as they are compared.
CREATE OR REPLACE FUNCTION :"library".record_promo_code_uses(outcomes text[], use_ids :use_id_type[], code_ids :code_id_type[], customers text[], transactions text[], bases numeric[], bonuses numeric[], hold_seconds integer[], columns jsonb[])
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Of the types of the host's columns.
  use_row :"uses"%ROWTYPE;
  -- Empty as a rule: nothing is held.
  with_holds boolean := pg_catalog.cardinality(hold_seconds) > 0;
  recorded bigint;
  accepted boolean := true;
  /*if used_at*/
  lately :"uses".:"used_at"%TYPE;
  /*fi*/
BEGIN
  -- The key of a partitioned table need not keep an id from coming twice: by a first attempt that the server begins to run
  -- only after its retry.
  :require_free_ids(accepted, u.:"use_id" = ANY (ARRAY(SELECT a.id FROM unnest(use_ids, outcomes) AS a(id, outcome)
                                                        WHERE a.outcome IS NULL)))
  IF NOT accepted THEN
    RAISE EXCEPTION 'an id of a use is in use already'
      USING ERRCODE = 'unique_violation', TABLE = :'uses_name', DETAIL = pg_catalog.format('Key (%s)=(reserved) exists.', :'use_id');
  END IF;
  IF with_holds THEN
    :record_holds(
      (SELECT a.id, a.code_id, a.customer, a.seconds
         FROM unnest(use_ids, code_ids, customers, hold_seconds, outcomes) AS a(id, code_id, customer, seconds, outcome)
        WHERE a.outcome IS NULL) AS q);
  END IF;
  IF pg_catalog.cardinality(columns) > 0 THEN
    RETURN QUERY
      SELECT r.* FROM :"library".record_promo_code_uses_with_columns(
        outcomes, use_ids, code_ids, customers, transactions, bases, bonuses, with_holds, columns) AS r;
    GET DIAGNOSTICS recorded = ROW_COUNT;
  ELSE
    RETURN QUERY
      :record_uses(
        (SELECT a.id, a.code_id, :"library".promo_code_value(a.customer, use_row.:"customer_address") AS customer,
                /*if transaction_id*/ :"library".promo_code_value(a.transaction, use_row.:"transaction_id") /*fi*/
                /*if not transaction_id*/ a.transaction /*fi*/ AS transaction, a.base, a.given
           FROM unnest(outcomes, use_ids, code_ids, customers, transactions, bases, bonuses)
                  AS a(outcome, id, code_id, customer, transaction, base, given)
          WHERE a.outcome IS NULL) AS q, true)
      RETURNING NULL::integer, 'redeemed', :use_texts(), CASE WHEN with_holds THEN :new_expiry() END;
    GET DIAGNOSTICS recorded = ROW_COUNT;
  END IF;
  IF with_holds THEN
    :reserve_uses(use_ids);
  END IF;
  IF recorded <> pg_catalog.cardinality(outcomes) - pg_catalog.cardinality(pg_catalog.array_remove(outcomes, NULL)) THEN
    RAISE EXCEPTION 'a trigger of the host kept a use from being inserted' USING ERRCODE = 'PC008';
  END IF;
END
$body$;
