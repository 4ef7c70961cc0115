-- The answers of redeem_promo_codes_in_order to requests that made no new use: refusals, and uses that are there already, as
-- they are now. What a use has to be, besides its id, is told by the other arrays: see promo_code_use_matches.
CREATE OR REPLACE FUNCTION :"library".answer_promo_code_requests(requests integer[], outcomes text[], code_ids bigint[], found_ids bigint[], found_codes bigint[], found_customers text[], found_times timestamptz[])
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  RETURN QUERY
  SELECT a.n, CASE WHEN a.outcome = 'found' AND (u.use_id IS NULL OR u.is_over) THEN 'rolled_back' ELSE a.outcome END,
         u.use_id, coalesce(u.code_id, a.code_id::text), u.customer, u.shop, u.transaction, u.base, u.bonus, u.total,
         u.used, u.expires
    FROM unnest(requests, outcomes, code_ids, found_ids, found_codes, found_customers, found_times)
           AS a(n, outcome, code_id, use_id, of_code, of_customer, made_at)
    LEFT JOIN LATERAL (
           SELECT u.:"use_id"::text AS use_id, u.:"promo_code_id"::text AS code_id, u.:"customer_address"::text AS customer,
                  u.:"use_shop_id"::text AS shop, u.:"transaction_id"::text AS transaction, u.:"base_reward"::text AS base,
                  u.:"bonus_amount"::text AS bonus, u.:"total_reward"::text AS total, extract(epoch FROM u.:"used_at")::text AS used,
                  extract(epoch FROM h.expires_at)::text AS expires, h.expires_at <= clock_timestamp() AS is_over
             FROM :"uses" AS u
             LEFT JOIN :"library".promo_code_holds AS h
                    ON h.use_id = u.:"use_id" AND h.released_at IS NULL
                   AND :"library".promo_code_use_matches(
                         u.:"promo_code_id", lower(btrim(u.:"customer_address"::text)), u.:"used_at"::timestamptz,
                         h.promo_code_id, h.customer_address, h.created_at)
            WHERE u.:"use_id" = a.use_id AND a.outcome = 'found'
              AND :"library".promo_code_use_matches(
                    u.:"promo_code_id", lower(btrim(u.:"customer_address"::text)), u.:"used_at"::timestamptz,
                    a.of_code, a.of_customer, a.made_at)
            LIMIT 1
         ) AS u ON true;
END
$body$;
