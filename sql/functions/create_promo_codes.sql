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
DECLARE
  -- Of the types and collations of the host's columns.
  code_row :"schema".promo_codes%ROWTYPE;
  shop_now text;
  back interval;
BEGIN
  code_row.shop_id := shop;
  shop_now := code_row.shop_id::text;
  -- A column without fractions of a second would round the present up, to a moment that is still to come.
  code_row.start_date := now();
  IF code_row.start_date > now() THEN
    back := code_row.start_date::timestamptz - now();
    LOOP
      code_row.start_date := now() - back;
      EXIT WHEN code_row.start_date <= now();
      back := back * 2;
    END LOOP;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(to_regclass('promo_codes')::oid::text || ' ' || shop_now, 0::bigint));
  RETURN QUERY
    INSERT INTO :"schema".promo_codes AS c (code, shop_id, name, description, bonus_type, bonus_value, max_bonus,
                                            start_date, end_date, total_usage_limit, per_customer_limit, is_active)
    SELECT :"schema".promo_code_value(g.object ->> 'code', code_row.code),
           code_row.shop_id,
           :"schema".promo_code_value(g.object ->> 'name', code_row.name),
           :"schema".promo_code_value(g.object ->> 'description', code_row.description),
           :"schema".promo_code_value(g.object ->> 'bonus_type', code_row.bonus_type),
           :"schema".promo_code_value(g.object ->> 'bonus_value', code_row.bonus_value),
           :"schema".promo_code_value(g.object ->> 'max_bonus', code_row.max_bonus),
           CASE WHEN g.object ->> 'start_date' IS NULL THEN code_row.start_date
                ELSE :"schema".promo_code_value(g.object ->> 'start_date', code_row.start_date) END,
           :"schema".promo_code_value(g.object ->> 'end_date', code_row.end_date),
           :"schema".promo_code_value(g.object ->> 'total_usage_limit', code_row.total_usage_limit),
           :"schema".promo_code_value(g.object ->> 'per_customer_limit', code_row.per_customer_limit),
           :"schema".promo_code_value(g.object ->> 'is_active', code_row.is_active)
      FROM jsonb_array_elements(codes) AS g(object)
     WHERE NOT EXISTS (
             SELECT FROM :"schema".promo_codes AS other
              WHERE other.shop_id::text = shop_now
                AND upper(other.code::text) = upper(coalesce(g.object ->> 'code', code_row.code::text)))
        ON CONFLICT DO NOTHING
    RETURNING c.id::text, c.code::text;
END
$body$;
