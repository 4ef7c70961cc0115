-- What redeeming would answer at this moment, without a lock and without a trace: no row for an unknown code, otherwise the
-- reason of a refusal or NULL, and the bonus for the reward given. Holds that a redemption would release do not count. What
-- is read is the same for codes that exist and for those that do not.
CREATE OR REPLACE FUNCTION :"library".preview_promo_code(wanted text, shop text, customer text, base numeric, given numeric)
RETURNS TABLE (code_id :code_id_type, refusal text, bonus text)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
SET enable_seqscan = off
SET enable_sort = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Of the types of the host's columns: a field makes of a value what the column would make of it.
  use_row :"uses"%ROWTYPE;
  code_row :"codes"%ROWTYPE;
  who text := :asked_customer(customer);
  code record;
  room bigint;
  mine bigint := 0;
  budget numeric;
  -- The bonus; and the least of it that a budget has to hold.
  paid numeric;
  needed numeric;
  own_hold record;
  -- Of the campaign; NULL without one.
  campaign record;
  campaign_room bigint;
  campaign_mine bigint := 0;
  campaign_budget numeric;
  campaign_needed numeric;
BEGIN
  -- The present at the precision of the columns: a date means its whole day.
  /*if start_date*/ code_row.:"start_date" := now(); /*fi*/
  /*if end_date*/ code_row.:"end_date" := now(); /*fi*/
  /*if base_reward*/
  use_row.:"base_reward" := base;
  /*fi*/
  SELECT f.id INTO code_id
    FROM (SELECT coalesce(:code_id(shop, wanted), :"library".find_promo_code_as_stored(shop, wanted)) AS id) AS f;
  SELECT :room() AS room, c.:"per_customer_limit"::bigint AS customer_limit,
         :"library".promo_code_is_percentage(c.:"bonus_type"::text) AS is_percentage,
         :code_refusal(code_row.:"start_date"::timestamptz, code_row.:"end_date"::timestamptz) AS refusal,
         :is_for(who) AS is_for, :is_below(base) AS is_below, :budget_left() AS budget, :budget_caps() AS caps,
         :bonus(given, /*if base_reward*/ use_row.:"base_reward"::numeric /*fi*/ /*if not base_reward*/ base /*fi*/) AS bonus
    INTO code
    FROM :"codes" AS c
   WHERE c.:"code_id" = code_id;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  refusal := CASE WHEN code.refusal IS NOT NULL THEN code.refusal
                  WHEN NOT code.is_for THEN 'not_for_customer'
                  WHEN code.is_percentage IS NULL AND given IS NULL THEN 'unsupported_bonus_type'
                  WHEN code.is_below THEN 'below_minimum' END;
  SELECT g.id, :campaign_refusal() AS refusal, :campaign_room() AS room, g.per_customer_limit AS customer_limit,
         :campaign_budget_left() AS budget, :campaign_caps() AS caps
    INTO campaign
    FROM :"library".promo_code_campaigns AS g
   WHERE g.id = :campaign_of(code_id);
  refusal := coalesce(refusal, campaign.refusal);
  IF refusal IS NOT NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;
  -- Without a reward the bonus of a percentage is unknown: it is more than nothing.
  paid := CASE WHEN given IS NOT NULL OR NOT code.is_percentage OR base IS NOT NULL THEN code.bonus END;
  needed := least(paid, CASE WHEN code.caps OR paid IS NULL THEN 0.00000000000000000001::numeric END);
  campaign_needed := least(paid, CASE WHEN campaign.caps OR paid IS NULL THEN 0.00000000000000000001::numeric END);

  room := code.room;
  budget := code.budget;
  campaign_room := campaign.room;
  campaign_budget := campaign.budget;
  IF code.customer_limit IS NOT NULL THEN
    mine := :customer_uses(
      code_id, who, greatest(code.customer_limit, 0::bigint) + 1::bigint,
      NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h
                   WHERE h.promo_code_id = code_id AND :is_use_of_hold() AND :hold_is_due()));
    IF :has_carried_customers() THEN
      mine := mine + :carried_customer_uses(code_id, who);
    END IF;
  END IF;
  IF campaign.customer_limit IS NOT NULL THEN
    campaign_mine := :campaign_customer_uses(
      campaign.id, who, greatest(campaign.customer_limit, 0::bigint) + 1::bigint,
      NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h
                   WHERE h.promo_code_id = u.:"promo_code_id" AND :is_use_of_hold() AND :hold_is_due()));
    IF :has_carried_customers() THEN
      campaign_mine := campaign_mine + :carried_campaign_uses(campaign.id, who);
    END IF;
  END IF;
  IF room <= 0::bigint OR mine >= code.customer_limit OR NOT :fits_budget(coalesce(paid, needed), budget)
     OR campaign_room <= 0::bigint OR campaign_mine >= campaign.customer_limit
     OR NOT :fits_budget(coalesce(paid, needed), campaign_budget) THEN
    SELECT room + count(*), budget + coalesce(sum(u.:"bonus_amount"::numeric), 0::numeric)
      INTO room, budget
      FROM :"library".promo_code_holds AS h
      JOIN :"uses" AS u ON u.:"promo_code_id" = code_id AND :is_use_of_hold()
     WHERE h.promo_code_id = code_id AND :hold_is_due();
    IF campaign_room <= 0::bigint OR NOT :fits_budget(coalesce(paid, needed), campaign_budget) THEN
      SELECT campaign_room + count(*), campaign_budget + coalesce(sum(u.:"bonus_amount"::numeric), 0::numeric)
        INTO campaign_room, campaign_budget
        FROM :"library".promo_code_holds AS h
        JOIN :"uses" AS u ON u.:"promo_code_id" = h.promo_code_id AND :is_use_of_hold()
       WHERE :hold_is_due() AND :campaign_of(h.promo_code_id) = campaign.id;
    END IF;
    -- One too many is what a hold of the customer's own makes room for; where more are, it is kept.
    IF coalesce(room >= 0::bigint, true) AND coalesce(mine <= code.customer_limit, true)
       AND coalesce(campaign_room >= 0::bigint, true) AND coalesce(campaign_mine <= campaign.customer_limit, true)
       AND (room <= 0::bigint OR mine >= code.customer_limit OR NOT :fits_budget(needed, budget)
            OR campaign_room <= 0::bigint OR campaign_mine >= campaign.customer_limit
            OR NOT :fits_budget(least(campaign_needed, CASE WHEN code.caps THEN greatest(budget, 0::numeric) END), campaign_budget)) THEN
      SELECT u.:"bonus_amount"::numeric AS bonus
        INTO own_hold
        FROM :"library".promo_code_holds AS h
        JOIN :"uses" AS u ON u.:"promo_code_id" = code_id AND :is_use_of_hold()
       WHERE h.promo_code_id = code_id AND h.released_at IS NULL AND h.expires_at > clock_timestamp()
         AND h.customer_address = who AND :fits_budget(needed, budget + u.:"bonus_amount"::numeric)
         AND :fits_budget(campaign_needed, campaign_budget + u.:"bonus_amount"::numeric)
       ORDER BY ROW(h.expires_at, h.use_id)
       LIMIT 1;
      IF FOUND THEN
        room := room + 1::bigint;
        mine := mine - 1::bigint;
        budget := budget + own_hold.bonus;
        campaign_room := campaign_room + 1::bigint;
        campaign_mine := campaign_mine - 1::bigint;
        campaign_budget := campaign_budget + own_hold.bonus;
      END IF;
    END IF;
  END IF;
  refusal := CASE WHEN campaign_room <= 0::bigint THEN 'campaign_limit_reached'
                  WHEN campaign_mine >= campaign.customer_limit THEN 'campaign_customer_limit_reached'
                  WHEN NOT :fits_budget(least(campaign_needed, CASE WHEN code.caps THEN greatest(budget, 0::numeric) END), campaign_budget)
                  THEN 'campaign_budget_exhausted'
                  WHEN room <= 0::bigint THEN 'usage_limit_reached'
                  WHEN mine >= code.customer_limit THEN 'customer_limit_reached'
                  WHEN NOT :fits_budget(needed, budget) THEN 'budget_exhausted' END;
  IF paid IS NOT NULL THEN
    IF code.caps THEN
      paid := least(paid, greatest(budget, 0::numeric));
    END IF;
    IF campaign.caps THEN
      paid := least(paid, greatest(campaign_budget, 0::numeric));
    END IF;
    /*if bonus_amount*/
    use_row.:"bonus_amount" := paid;
    bonus := use_row.:"bonus_amount"::text;
    /*fi*/
    /*if not bonus_amount*/
    bonus := paid::text;
    /*fi*/
  END IF;
  RETURN NEXT;
END
$body$;
