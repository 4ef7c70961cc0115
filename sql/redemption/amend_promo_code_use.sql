-- Changes amounts or the transaction of a use, under the same lock as redeeming; the triggers move the counters. What the
-- object of changes does not name stays. No row: no such use.
CREATE OR REPLACE FUNCTION :"library".amend_promo_code_use(wanted bigint, changes jsonb)
RETURNS TABLE (use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- What the columns make of the changes.
  use_row :"uses"%ROWTYPE;
  of_code bigint;
BEGIN
  IF changes ? 'baseReward' THEN
    use_row.:"base_reward" := (changes ->> 'baseReward')::numeric;
  END IF;
  IF changes ? 'bonusAmount' THEN
    use_row.:"bonus_amount" := (changes ->> 'bonusAmount')::numeric;
  END IF;
  IF changes ? 'transactionId' THEN
    use_row.:"transaction_id" := changes ->> 'transactionId';
  END IF;
  SELECT u.:"promo_code_id" INTO of_code FROM :"uses" AS u WHERE u.:"use_id" = wanted;
  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = of_code FOR NO KEY UPDATE;
  RETURN QUERY
    UPDATE :"uses" AS u
       SET base_reward = CASE WHEN changes ? 'baseReward' THEN use_row.:"base_reward" ELSE u.:"base_reward" END,
           bonus_amount = CASE WHEN changes ? 'bonusAmount' THEN use_row.:"bonus_amount" ELSE u.:"bonus_amount" END,
           total_reward =
             CASE WHEN changes ? 'baseReward' THEN use_row.:"base_reward"::numeric ELSE u.:"base_reward"::numeric END
             + CASE WHEN changes ? 'bonusAmount' THEN use_row.:"bonus_amount"::numeric
                    ELSE coalesce(u.:"bonus_amount"::numeric, 0::numeric) END,
           transaction_id = CASE WHEN changes ? 'transactionId' THEN use_row.:"transaction_id" ELSE u.:"transaction_id" END
     WHERE u.:"use_id" = wanted
    RETURNING u.:"use_id"::text, u.:"promo_code_id"::text, u.:"customer_address"::text, u.:"use_shop_id"::text, u.:"transaction_id"::text,
              u.:"base_reward"::text, u.:"bonus_amount"::text, u.:"total_reward"::text, extract(epoch FROM u.:"used_at")::text;
END
$body$;
