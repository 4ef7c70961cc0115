-- What redeeming would answer at this moment, without a lock and without a trace: no row for an unknown code, otherwise the
-- reason of a refusal or NULL, and the bonus for the reward given. Holds that a redemption would release do not count. What
-- is read is the same for codes that exist and for those that do not.
CREATE OR REPLACE FUNCTION :"schema".preview_promo_code(wanted text, shop text, customer text, base numeric, given numeric)
RETURNS TABLE (code_id bigint, refusal text, bonus text)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET enable_seqscan = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Of the types of the host's columns: a field makes of a value what the column would make of it.
  use_row :"schema".promo_code_uses%ROWTYPE;
  code_row :"schema".promo_codes%ROWTYPE;
  who text := :asked_customer(customer);
  code record;
  room bigint;
  mine bigint := 0;
  given_back bigint;
  own_hold bigint;
BEGIN
  -- The present at the precision of the columns: a date means its whole day.
  code_row.start_date := now();
  code_row.end_date := now();
  use_row.base_reward := base;
  SELECT f.id INTO code_id
    FROM (SELECT coalesce(:code_id(shop, wanted), :"schema".find_promo_code_as_stored(shop, wanted)) AS id) AS f;
  SELECT :room() AS room, c.per_customer_limit::bigint AS customer_limit,
         :"schema".promo_code_is_percentage(c.bonus_type::text) AS is_percentage,
         :code_refusal(code_row.start_date::timestamptz, code_row.end_date::timestamptz) AS refusal,
         :bonus(given, use_row.base_reward::numeric) AS bonus
    INTO code
    FROM :"schema".promo_codes AS c
   WHERE c.id = code_id;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  refusal := code.refusal;
  IF refusal IS NULL AND code.is_percentage IS NULL AND given IS NULL THEN
    refusal := 'unsupported_bonus_type';
  END IF;
  IF refusal IS NOT NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;

  IF given IS NOT NULL OR NOT code.is_percentage OR base IS NOT NULL THEN
    use_row.bonus_amount := code.bonus;
    bonus := use_row.bonus_amount::text;
  END IF;

  room := code.room;
  IF code.customer_limit IS NOT NULL THEN
    mine := :customer_uses(
      code_id, who, greatest(code.customer_limit, 0::bigint) + 1::bigint,
      NOT EXISTS (SELECT FROM :"schema".promo_code_holds AS h
                   WHERE h.promo_code_id = code_id AND :is_use_of_hold() AND :hold_is_due()));
  END IF;
  IF room <= 0::bigint OR mine >= code.customer_limit THEN
    SELECT count(*) FILTER (WHERE p.is_due), least(count(*) FILTER (WHERE NOT p.is_due AND p.is_own), 1::bigint)
      INTO given_back, own_hold
      FROM (SELECT :hold_is_due() AS is_due, h.customer_address = who AS is_own
              FROM :"schema".promo_code_holds AS h
              JOIN :"schema".promo_code_uses AS u ON u.promo_code_id = code_id AND :is_use_of_hold()
             WHERE h.promo_code_id = code_id AND h.released_at IS NULL
               AND (h.expires_at <= clock_timestamp() OR h.customer_address = who)) AS p;
    room := room + given_back;
    -- One too many is what a hold of the customer's own makes room for; where more are, it is kept.
    IF coalesce(room >= 0::bigint, true) AND coalesce(mine <= code.customer_limit, true)
       AND (room <= 0::bigint OR mine >= code.customer_limit) THEN
      room := room + own_hold;
      mine := mine - own_hold;
    END IF;
  END IF;
  refusal := CASE WHEN room <= 0::bigint THEN 'usage_limit_reached'
                  WHEN mine >= code.customer_limit THEN 'customer_limit_reached' END;
  RETURN NEXT;
END
$body$;
