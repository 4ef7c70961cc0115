-- What redeeming would answer at this moment, without a lock and without a trace: no row for an unknown code, otherwise the
-- reason of a refusal or NULL, and the bonus for the reward given. Holds that a redemption would release do not count. What
-- is read is the same for codes that exist and for those that do not.
CREATE OR REPLACE FUNCTION :"library".preview_promo_code(wanted text, shop text, customer text, base numeric, given numeric)
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
  -- Of the types and collations of the host's columns: a field makes of a value what the column would make of it, and what
  -- is compared with a column is folded as the column is.
  use_row :"uses"%ROWTYPE;
  code_row :"codes"%ROWTYPE;
  who text := lower(btrim(coalesce(customer, use_row.:"customer_address"::text)));
  code record;
  in_total bigint;
  mine bigint := 0;
  given_back bigint;
  own_hold bigint;
BEGIN
  -- The present at the precision of the columns: a date means its whole day.
  code_row.:"start_date" := now();
  code_row.:"end_date" := now();
  -- First as it is written, as a redemption does.
  SELECT coalesce(
           (SELECT c.:"code_id" FROM :"codes" AS c
             WHERE c.:"code_shop_id"::text = shop AND upper(c.:"code"::text) = upper(btrim(coalesce(wanted, code_row.:"code"::text)))
               AND c.:"code"::text = btrim(wanted)
             ORDER BY c.:"code_id" LIMIT 1),
           (SELECT c.:"code_id" FROM :"codes" AS c
             WHERE c.:"code_shop_id"::text = shop AND upper(c.:"code"::text) = upper(btrim(coalesce(wanted, code_row.:"code"::text)))
             ORDER BY c.:"code_id" LIMIT 1),
           :"library".find_promo_code_as_stored(shop, wanted))
    INTO code_id;
  SELECT c.:"code_id", c.:"total_usage_limit", c.:"per_customer_limit", greatest(c.:"times_used", 0) AS times_used,
         :"library".promo_code_is_percentage(c.:"bonus_type"::text) AS is_percentage, c.:"bonus_value", c.:"max_bonus",
         CASE WHEN c.:"is_active" IS NOT TRUE THEN 'inactive'
              WHEN c.:"start_date" > code_row.:"start_date" THEN 'not_started'
              WHEN c.:"end_date" < code_row.:"end_date" THEN 'expired' END AS refusal
    INTO code
    FROM :"codes" AS c
   WHERE c.:"code_id" = code_id;
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

  use_row.:"base_reward" := base;
  -- What the columns make of so many places shows how many they have.
  use_row.:"bonus_amount" := 1.00000095367431640625;
  use_row.:"total_reward" := 1.00000095367431640625;
  code_row.:"total_bonus_issued" := 1.00000095367431640625;
  use_row.:"bonus_amount" := :"library".promo_code_bonus(
    given, code.is_percentage, code.bonus_value::numeric, code.max_bonus::numeric, use_row.:"base_reward"::numeric,
    least(scale(use_row.:"bonus_amount"::numeric), scale(use_row.:"total_reward"::numeric),
          scale(code_row.:"total_bonus_issued"::numeric)));
  IF given IS NOT NULL OR NOT code.is_percentage OR base IS NOT NULL THEN
    bonus := use_row.:"bonus_amount"::text;
  END IF;

  in_total := code.times_used;
  IF code.per_customer_limit IS NOT NULL THEN
    SELECT count(*) INTO mine
      FROM (SELECT FROM :"uses" AS u
             WHERE u.:"promo_code_id" = code.id AND lower(btrim(u.:"customer_address"::text)) >= who
               AND lower(btrim(u.:"customer_address"::text)) <= who
               AND NOT EXISTS (SELECT FROM :"library".promo_code_holds AS h
                                WHERE h.use_id = u.:"use_id" AND h.released_at IS NULL AND h.expires_at <= clock_timestamp()
                                  AND h.promo_code_id = code.id
                                  AND :"library".promo_code_use_matches(
                                        u.:"promo_code_id", lower(btrim(u.:"customer_address"::text)), u.:"used_at"::timestamptz,
                                        h.promo_code_id, h.customer_address, h.created_at))
             ORDER BY lower(btrim(u.:"customer_address"::text))
             LIMIT greatest(code.per_customer_limit, 0) + 1) AS own;
  END IF;
  IF in_total >= code.total_usage_limit OR mine >= code.per_customer_limit THEN
    SELECT count(*) FILTER (WHERE h.is_due), least(count(*) FILTER (WHERE NOT h.is_due AND h.is_own), 1)
      INTO given_back, own_hold
      FROM (SELECT h.expires_at <= clock_timestamp() AS is_due, h.customer_address = who AS is_own
              FROM :"library".promo_code_holds AS h
              JOIN :"uses" AS u ON u.:"use_id" = h.use_id AND u.:"promo_code_id" = code.id
             WHERE h.promo_code_id = code.id AND h.released_at IS NULL
               AND (h.expires_at <= clock_timestamp() OR h.customer_address = who)
               AND :"library".promo_code_use_matches(
                     u.:"promo_code_id", lower(btrim(u.:"customer_address"::text)), u.:"used_at"::timestamptz,
                     h.promo_code_id, h.customer_address, h.created_at)) AS h;
    in_total := in_total - given_back;
    -- One too many is what a hold of the customer's own makes room for; where more are, it is kept.
    IF in_total <= coalesce(code.total_usage_limit, in_total) AND mine <= coalesce(code.per_customer_limit, mine)
       AND (in_total >= code.total_usage_limit OR mine >= code.per_customer_limit) THEN
      in_total := in_total - own_hold;
      mine := mine - own_hold;
    END IF;
  END IF;
  refusal := CASE WHEN in_total >= code.total_usage_limit THEN 'usage_limit_reached'
                  WHEN mine >= code.per_customer_limit THEN 'customer_limit_reached' END;
  RETURN NEXT;
END
$body$;
