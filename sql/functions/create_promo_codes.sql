-- Inserts the codes of one shop that do not exist in it yet, compared without case, and answers those that were inserted.
-- Hosts need no unique index for this: whoever creates codes of a shop through here takes the same lock first.
CREATE OR REPLACE FUNCTION :"schema".create_promo_codes(shop text, codes jsonb)
RETURNS TABLE (code_id text, created text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(
    to_regclass('promo_codes')::oid::text || ' ' || create_promo_codes.shop, 0::bigint));
  -- Each object becomes a row of the host's own type, so that the types of its columns do not matter here.
  RETURN QUERY
    INSERT INTO :"schema".promo_codes AS c (code, shop_id, name, description, bonus_type, bonus_value, max_bonus,
                                            start_date, end_date, total_usage_limit, per_customer_limit, is_active)
    SELECT p.code, p.shop_id, p.name, p.description, p.bonus_type, p.bonus_value, p.max_bonus,
           coalesce(p.start_date, now()), p.end_date, p.total_usage_limit, p.per_customer_limit, p.is_active
      FROM jsonb_array_elements(codes) AS given(object)
     CROSS JOIN LATERAL jsonb_populate_record(NULL::promo_codes, given.object) AS p
     WHERE NOT EXISTS (
             SELECT FROM :"schema".promo_codes AS other
              WHERE other.shop_id::text = create_promo_codes.shop AND upper(other.code::text) = upper(p.code::text))
        ON CONFLICT DO NOTHING
    RETURNING c.id::text, c.code::text;
END
$body$;
