-- What redeeming would answer to each of these requests at this moment, each as if it were alone: without a lock and without a
-- trace, and all in one snapshot. codes and shops name each code once; the other arrays have an element for each request: places
-- (of the code among those), customers, bases (rewards, NULL where none is known), bonuses (those that the host computes itself;
-- empty where no request has one). No row for an unknown code, otherwise the reason of a refusal or NULL, and the bonus for the
-- reward given. Holds that a redemption would release do not count. What is read is the same for codes that exist and for those
-- that do not.
CREATE OR REPLACE FUNCTION :"library".preview_promo_codes(codes text[], shops text[], places integer[], customers text[], bases numeric[], bonuses numeric[])
RETURNS TABLE (request integer, code_id :code_id_type, refusal text, bonus text)
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
  -- By the place in codes.
  code_ids :code_id_type[];
  -- The rewards as the column holds them.
  rewards numeric[] := bases;
  -- A request, with its code and its campaign.
  asked record;
  room bigint;
  mine bigint;
  budget numeric;
  -- The bonus; and the least of it that a budget has to hold.
  paid numeric;
  needed numeric;
  own_hold record;
  -- Of the campaign; NULL without one.
  campaign_room bigint;
  campaign_mine bigint;
  campaign_budget numeric;
  campaign_needed numeric;
BEGIN
  -- The present at the precision of the columns: a date means its whole day.
  /*if start_date*/ code_row.:"start_date" := now(); /*fi*/
  /*if end_date*/ code_row.:"end_date" := now(); /*fi*/
  /*if base_reward*/
  FOR place IN 1 .. pg_catalog.cardinality(bases) LOOP
    use_row.:"base_reward" := bases[place];
    rewards[place] := use_row.:"base_reward"::numeric;
  END LOOP;
  /*fi*/
  SELECT pg_catalog.array_agg(coalesce(:code_id(q.shop, q.code), :"library".find_promo_code_as_stored(q.shop, q.code)) ORDER BY q.place)
    INTO code_ids
    FROM unnest(codes, shops) WITH ORDINALITY AS q(code, shop, place);
  -- What is LATERAL reads no other codes and campaigns, whatever the planner thinks of the number of requests.
  FOR asked IN
    SELECT r.*,
           CASE WHEN r.refusal IS NULL AND r.customer_limit IS NOT NULL
                THEN :customer_uses(
                       r.id, r.who, :past_limit(r.customer_limit),
                       NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h
                                    WHERE h.promo_code_id = r.id AND :is_use_of_hold() AND :hold_is_due()))
                ELSE 0::bigint END AS mine,
           CASE WHEN r.refusal IS NULL AND r.campaign_customer_limit IS NOT NULL
                THEN :campaign_customer_uses(
                       r.campaign_id, r.who, :past_limit(r.campaign_customer_limit),
                       NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h
                                    WHERE h.promo_code_id = u.:"promo_code_id" AND :is_use_of_hold() AND :hold_is_due()))
                ELSE 0::bigint END AS campaign_mine
      FROM (SELECT q.n, q.id, q.who, q.base, q.given, b.room, b.customer_limit, b.is_percentage, b.budget, b.caps, b.bonus,
                   g.id AS campaign_id, g.room AS campaign_room, g.customer_limit AS campaign_customer_limit,
                   g.budget AS campaign_budget, g.caps AS campaign_caps,
                   CASE WHEN b.refusal IS NOT NULL THEN b.refusal
                        WHEN NOT b.is_for THEN 'not_for_customer'
                        WHEN b.is_percentage IS NULL AND q.given IS NULL THEN 'unsupported_bonus_type'
                        WHEN b.is_below THEN 'below_minimum'
                        ELSE g.refusal END AS refusal
              FROM (SELECT a.n::integer AS n, code_ids[a.place] AS id, :asked_customer(a.customer) AS who, a.base, a.given, a.reward
                      FROM unnest(places, customers, bases, bonuses, rewards)
                             WITH ORDINALITY AS a(place, customer, base, given, reward, n)) AS q
             CROSS JOIN LATERAL (
                    SELECT :room() AS room, c.:"per_customer_limit"::bigint AS customer_limit,
                           :"library".promo_code_is_percentage(c.:"bonus_type"::text) AS is_percentage,
                           :code_refusal(code_row.:"start_date"::timestamptz, code_row.:"end_date"::timestamptz) AS refusal,
                           :is_for(q.who) AS is_for, :is_below(q.base) AS is_below, :budget_left() AS budget,
                           :budget_caps() AS caps, :bonus(q.given, q.reward) AS bonus
                      FROM :"codes" AS c
                     WHERE c.:"code_id" = q.id
                     LIMIT 1) AS b
              LEFT JOIN LATERAL (
                    SELECT g.id, :campaign_refusal() AS refusal, :campaign_room() AS room, g.per_customer_limit AS customer_limit,
                           :campaign_budget_left() AS budget, :campaign_caps() AS caps
                      FROM :"library".promo_code_campaigns AS g
                     WHERE g.id = :campaign_of(q.id)
                     LIMIT 1) AS g ON true
            OFFSET 0) AS r
  LOOP
    request := asked.n;
    code_id := asked.id;
    refusal := asked.refusal;
    bonus := NULL;
    IF refusal IS NOT NULL THEN
      RETURN NEXT;
      CONTINUE;
    END IF;
    -- Without a reward the bonus of a percentage is unknown: it is more than nothing.
    paid := CASE WHEN asked.given IS NOT NULL OR NOT asked.is_percentage OR asked.base IS NOT NULL THEN asked.bonus END;
    needed := least(paid, CASE WHEN asked.caps OR paid IS NULL THEN 0.00000000000000000001::numeric END);
    campaign_needed := least(paid, CASE WHEN asked.campaign_caps OR paid IS NULL THEN 0.00000000000000000001::numeric END);

    room := asked.room;
    budget := asked.budget;
    campaign_room := asked.campaign_room;
    campaign_budget := asked.campaign_budget;
    mine := asked.mine;
    campaign_mine := asked.campaign_mine;
    IF room <= 0::bigint OR mine >= asked.customer_limit OR NOT :fits_budget(coalesce(paid, needed), budget)
       OR campaign_room <= 0::bigint OR campaign_mine >= asked.campaign_customer_limit
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
         WHERE :hold_is_due() AND :campaign_of(h.promo_code_id) = asked.campaign_id;
      END IF;
      -- One too many is what a hold of the customer's own makes room for; where more are, it is kept.
      IF coalesce(room >= 0::bigint, true) AND coalesce(mine <= asked.customer_limit, true)
         AND coalesce(campaign_room >= 0::bigint, true) AND coalesce(campaign_mine <= asked.campaign_customer_limit, true)
         AND (room <= 0::bigint OR mine >= asked.customer_limit OR NOT :fits_budget(needed, budget)
              OR campaign_room <= 0::bigint OR campaign_mine >= asked.campaign_customer_limit
              OR NOT :fits_budget(least(campaign_needed, CASE WHEN asked.caps THEN greatest(budget, 0::numeric) END), campaign_budget)) THEN
        SELECT u.:"bonus_amount"::numeric AS bonus
          INTO own_hold
          FROM :"library".promo_code_holds AS h
          JOIN :"uses" AS u ON u.:"promo_code_id" = code_id AND :is_use_of_hold()
         WHERE h.promo_code_id = code_id AND h.released_at IS NULL AND h.expires_at > clock_timestamp()
           AND h.customer_address = asked.who AND :fits_budget(needed, budget + u.:"bonus_amount"::numeric)
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
                    WHEN campaign_mine >= asked.campaign_customer_limit THEN 'campaign_customer_limit_reached'
                    WHEN NOT :fits_budget(least(campaign_needed, CASE WHEN asked.caps THEN greatest(budget, 0::numeric) END), campaign_budget)
                    THEN 'campaign_budget_exhausted'
                    WHEN room <= 0::bigint THEN 'usage_limit_reached'
                    WHEN mine >= asked.customer_limit THEN 'customer_limit_reached'
                    WHEN NOT :fits_budget(needed, budget) THEN 'budget_exhausted' END;
    IF paid IS NOT NULL THEN
      IF asked.caps THEN
        paid := least(paid, greatest(budget, 0::numeric));
      END IF;
      IF asked.campaign_caps THEN
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
  END LOOP;
END
$body$;
