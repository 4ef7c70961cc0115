-- Puts another name in the place of a customer, in codes that are bound to one, uses, holds, keys, history and what was archived. Counters and limits stay as they are: the
-- replacement has used what the customer had. A key keeps its use, but not the fingerprint of its request, from which a customer
-- could be guessed; so its repetition is a conflict. Answers how many rows of each were changed, and -1 of uses where the
-- replacement is a customer already.
CREATE OR REPLACE FUNCTION :"library".erase_promo_code_customer(customer text, replacement text)
RETURNS TABLE (codes bigint, uses bigint, holds bigint, keys bigint, records bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  use_row :"uses"%ROWTYPE;
  /*if code_customer_address*/
  code_row :"codes"%ROWTYPE;
  /*fi*/
  /*if code_customer_address and updated_at*/
  stamp :"codes".:"updated_at"%TYPE := :stamp();
  /*fi*/
  who text := :asked_customer(customer);
  successor text := :asked_customer(replacement);
  has_history boolean := to_regclass(:'history') IS NOT NULL;
  is_known boolean;
  reason text := coalesce(current_setting('pg_promo_codes.reason', true), '');
  marker text := coalesce(current_setting('pg_promo_codes.history', true), '');
  setting text;
BEGIN
  codes := 0;
  uses := 0;
  holds := 0;
  keys := 0;
  records := 0;
  -- Two erasures with one replacement would both find that nobody has it.
  PERFORM pg_advisory_xact_lock(hashtextextended(successor, :'uses'::regclass::oid::bigint));
  is_known := EXISTS (SELECT FROM :"uses" AS u WHERE :customer(u) = successor)
           /*if code_customer_address*/
           OR EXISTS (SELECT FROM :"codes" AS c WHERE :bound_customer() = successor)
           /*fi*/
           OR EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.customer_address = successor)
           OR EXISTS (SELECT FROM :"library".promo_code_idempotency_keys AS e WHERE e.customer_address = successor)
           OR EXISTS (SELECT FROM :"library".promo_code_archived_uses AS v WHERE v.customer_address = successor)
           OR EXISTS (SELECT FROM :"library".promo_code_carried_customers AS k WHERE k.customer_address = successor);
  IF has_history AND NOT is_known THEN
    is_known := EXISTS (SELECT FROM :"library".promo_code_history AS h
                         WHERE h.customer_address = successor OR h.former_customer_address = successor);
  END IF;
  use_row.:"customer_address" := successor;

  IF NOT is_known THEN
    -- First, as everybody takes codes before uses, and several in the order of their ids.
    PERFORM FROM :"codes" AS c
      WHERE c.:"code_id" = ANY (ARRAY(SELECT u.:"promo_code_id" FROM :"uses" AS u WHERE :customer(u) = who
                                       UNION ALL
                                      SELECT k.promo_code_id FROM :"library".promo_code_carried_customers AS k
                                       WHERE k.customer_address = who))
            /*if code_customer_address*/ OR :bound_customer() = who /*fi*/
      ORDER BY c.:"code_id"
      FOR NO KEY UPDATE;
    /*if code_customer_address*/
    code_row.:"code_customer_address" := successor;
    UPDATE :"codes" AS c
       SET :"code_customer_address" = code_row.:"code_customer_address"
           /*if updated_at*/ , :"updated_at" = stamp /*fi*/
     WHERE :bound_customer() = who;
    GET DIAGNOSTICS codes = ROW_COUNT;
    /*fi*/
    -- One statement, and so one snapshot: what the customer redeems meanwhile keeps its use, hold and key, or none of them.
    setting := set_config('pg_promo_codes.reason', coalesce(nullif(reason, ''), 'customer erased'), true);
    WITH of_uses AS (
      UPDATE :"uses" AS u SET :"customer_address" = use_row.:"customer_address" WHERE :customer(u) = who
      RETURNING 1
    ), of_holds AS (
      UPDATE :"library".promo_code_holds AS h SET customer_address = successor WHERE h.customer_address = who
      RETURNING 1
    ), of_keys AS (
      UPDATE :"library".promo_code_idempotency_keys AS e SET customer_address = successor, fingerprint = ''::bytea
       WHERE e.customer_address = who
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM of_uses), (SELECT count(*) FROM of_holds), (SELECT count(*) FROM of_keys)
      INTO uses, holds, keys;
    setting := set_config('pg_promo_codes.reason', reason, true);
    UPDATE :"library".promo_code_archived_uses AS v
       SET customer_address = successor,
           answer = pg_catalog.array_cat(pg_catalog.array_append(v.answer[1:2], successor), v.answer[4:])
     WHERE v.customer_address = who;
    IF :has_carried_customers() THEN
      UPDATE :"library".promo_code_carried_customers AS k SET customer_address = successor WHERE k.customer_address = who;
    END IF;
    IF has_history THEN
      setting := set_config('pg_promo_codes.history', 'maintained', true);
      UPDATE :"library".promo_code_history AS h
         SET customer_address = CASE WHEN h.customer_address = who THEN successor ELSE h.customer_address END,
             former_customer_address = CASE WHEN h.former_customer_address = who THEN successor ELSE h.former_customer_address END,
             before = CASE WHEN :folded(h.before ->> 'customerAddress'::text) = who
                           THEN jsonb_set(h.before, '{customerAddress}'::text[], pg_catalog.to_jsonb(successor)) ELSE h.before END,
             after = CASE WHEN :folded(h.after ->> 'customerAddress'::text) = who
                          THEN jsonb_set(h.after, '{customerAddress}'::text[], pg_catalog.to_jsonb(successor)) ELSE h.after END,
             actor = CASE WHEN :folded(h.actor) = who THEN successor ELSE h.actor END
       WHERE (h.customer_address = who OR h.former_customer_address = who)
         AND NOT EXISTS (SELECT FROM :"uses" AS u WHERE u.:"use_id" = h.use_id AND :customer(u) = who);
      GET DIAGNOSTICS records = ROW_COUNT;
      setting := set_config('pg_promo_codes.history', marker, true);
    END IF;
  ELSIF EXISTS (SELECT FROM :"uses" AS u WHERE :customer(u) = who)
     /*if code_customer_address*/
     OR EXISTS (SELECT FROM :"codes" AS c WHERE :bound_customer() = who)
     /*fi*/
     OR EXISTS (SELECT FROM :"library".promo_code_holds AS h WHERE h.customer_address = who)
     OR EXISTS (SELECT FROM :"library".promo_code_idempotency_keys AS e WHERE e.customer_address = who)
     OR EXISTS (SELECT FROM :"library".promo_code_carried_customers AS k WHERE k.customer_address = who) THEN
    uses := -1;
  END IF;
  RETURN NEXT;
END
$body$;
