-- What redeeming would answer at this moment, without a lock and without a trace: no row for an unknown code, otherwise the
-- reason of a refusal or NULL, and the bonus for the reward given. Holds that a redemption would release do not count.
CREATE OR REPLACE FUNCTION :"schema".preview_promo_code(wanted text, shop text, customer text, base numeric)
RETURNS TABLE (code_id bigint, refusal text, bonus numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Nothing, but of the columns' collations: what is compared with a column is folded as the column is.
  like_uses :"schema".promo_code_uses%ROWTYPE;
  like_codes :"schema".promo_codes%ROWTYPE;
  who text := lower(btrim(coalesce(customer, like_uses.customer_address::text)));
  code record;
  in_total bigint;
  mine bigint := 0;
  given_back bigint;
  own_hold bigint;
BEGIN
  SELECT c.id::bigint AS id, c.total_usage_limit, c.per_customer_limit, coalesce(c.times_used, 0) AS times_used,
         c.bonus_type::text AS bonus_type, c.bonus_value, c.max_bonus,
         CASE WHEN c.is_active IS NOT TRUE THEN 'inactive'
              WHEN c.start_date::timestamptz > now() THEN 'not_started'
              WHEN c.end_date::timestamptz < now() THEN 'expired' END AS refusal
    INTO code
    FROM :"schema".promo_codes AS c
   WHERE c.shop_id::text = shop AND upper(c.code::text) = upper(btrim(coalesce(wanted, like_codes.code::text)))
   ORDER BY c.code::text = btrim(wanted) DESC, c.id
   LIMIT 1;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  code_id := code.id;
  refusal := code.refusal;
  bonus := CASE WHEN code.bonus_type = 'percentage'
                THEN least(round(base * code.bonus_value * 0.01::numeric, 2), code.max_bonus) ELSE code.bonus_value END;
  IF refusal IS NOT NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;

  in_total := code.times_used;
  IF code.per_customer_limit IS NOT NULL THEN
    SELECT count(*) INTO mine
      FROM (SELECT FROM :"schema".promo_code_uses AS u
             WHERE u.promo_code_id = code.id AND lower(btrim(u.customer_address::text)) >= who
               AND lower(btrim(u.customer_address::text)) <= who
               AND NOT EXISTS (SELECT FROM :"schema".promo_code_holds AS h
                                WHERE h.use_id = u.id AND h.released_at IS NULL AND h.expires_at <= clock_timestamp())
             ORDER BY lower(btrim(u.customer_address::text))
             LIMIT greatest(code.per_customer_limit, 0) + 1) AS own;
  END IF;
  IF in_total >= code.total_usage_limit OR mine >= code.per_customer_limit THEN
    SELECT count(*) INTO given_back
      FROM :"schema".promo_code_holds AS h
     WHERE h.promo_code_id = code.id AND h.released_at IS NULL AND h.expires_at <= clock_timestamp();
    in_total := in_total - given_back;
    IF in_total >= code.total_usage_limit OR mine >= code.per_customer_limit THEN
      SELECT count(*) INTO own_hold
        FROM (SELECT FROM :"schema".promo_code_holds AS h
               WHERE h.promo_code_id = code.id AND h.customer_address = who AND h.released_at IS NULL
                 AND h.expires_at > clock_timestamp()
               LIMIT 1) AS one;
      in_total := in_total - own_hold;
      mine := mine - own_hold;
    END IF;
  END IF;
  refusal := CASE WHEN in_total >= code.total_usage_limit THEN 'usage_limit_reached'
                  WHEN mine >= code.per_customer_limit THEN 'customer_limit_reached' END;
  RETURN NEXT;
END
$body$;
