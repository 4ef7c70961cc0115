-- Changes amounts or the transaction of a use, under the same lock as redeeming; the triggers move the counters. What the
-- object of changes does not name stays, and so does what the host has no column for. No row: no such use. A row without an id
-- of a use: the budget of the code or of its campaign does not hold the bonus, which may be as much as this row says; nothing was
-- changed.
CREATE OR REPLACE FUNCTION :"library".amend_promo_code_use(wanted :use_id_type, changes jsonb)
RETURNS TABLE (use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- What the columns make of the changes.
  use_row :"uses"%ROWTYPE;
  of_code :code_id_type;
  /*if bonus_amount*/
  more numeric;
  budget numeric;
  campaign_id bigint;
  campaign_budget numeric;
  released integer;
  /*fi*/
BEGIN
  SELECT u.:"promo_code_id" INTO of_code FROM :"uses" AS u WHERE u.:"use_id" = wanted AND :counts(u);
  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = of_code FOR NO KEY UPDATE;
  SELECT u.* INTO use_row FROM :"uses" AS u WHERE u.:"use_id" = wanted AND :counts(u);
  IF NOT FOUND THEN
    RETURN;
  END IF;
  /*if base_reward*/
  IF jsonb_exists(changes, 'baseReward') THEN
    use_row.:"base_reward" := (changes ->> 'baseReward'::text)::numeric;
  END IF;
  /*fi*/
  /*if bonus_amount*/
  IF jsonb_exists(changes, 'bonusAmount') THEN
    more := (changes ->> 'bonusAmount'::text)::numeric - coalesce(use_row.:"bonus_amount"::numeric, 0::numeric);
    campaign_id := :campaign_of(of_code);
    IF campaign_id IS NOT NULL THEN
      PERFORM FROM :"library".promo_code_campaigns AS g WHERE g.id = campaign_id FOR NO KEY UPDATE;
    END IF;
    LOOP
      SELECT :budget_left() INTO budget FROM :"codes" AS c WHERE c.:"code_id" = of_code;
      SELECT :campaign_budget_left() INTO campaign_budget FROM :"library".promo_code_campaigns AS g WHERE g.id = campaign_id;
      EXIT WHEN :fits_budget(more, least(budget, campaign_budget));
      -- Expired holds give way, as they do to a redemption.
      released := :"library".release_promo_code_holds(of_code, 1000);
      IF released = 0 AND NOT :fits_budget(more, campaign_budget) THEN
        released := :"library".release_promo_code_campaign_holds(campaign_id, 1000);
      END IF;
      IF released = 0 THEN
        code_id := of_code::text;
        bonus := (coalesce(use_row.:"bonus_amount"::numeric, 0::numeric)
                  + greatest(least(budget, campaign_budget), 0::numeric))::text;
        RETURN NEXT;
        RETURN;
      END IF;
      -- It may have been one of them.
      PERFORM FROM :"uses" AS u WHERE u.:"use_id" = wanted AND :counts(u);
      IF NOT FOUND THEN
        RETURN;
      END IF;
    END LOOP;
    use_row.:"bonus_amount" := (changes ->> 'bonusAmount'::text)::numeric;
  END IF;
  /*fi*/
  /*if transaction_id*/
  IF jsonb_exists(changes, 'transactionId') THEN
    use_row.:"transaction_id" := changes ->> 'transactionId'::text;
  END IF;
  /*fi*/
  RETURN QUERY
    UPDATE :"uses" AS u
       SET /*list*/
           :"use_id" = u.:"use_id",
           /*if base_reward*/ :"base_reward" = use_row.:"base_reward", /*fi*/
           /*if bonus_amount*/ :"bonus_amount" = use_row.:"bonus_amount", /*fi*/
           /*if transaction_id*/ :"transaction_id" = use_row.:"transaction_id", /*fi*/
           /*if total_reward*/
           :"total_reward" = coalesce(use_row.:"base_reward"::numeric, 0::numeric) + coalesce(use_row.:"bonus_amount"::numeric, 0::numeric),
           /*fi*/
           /*end*/
     WHERE u.:"use_id" = wanted AND :counts(u)
    RETURNING :use_texts();
END
$body$;
