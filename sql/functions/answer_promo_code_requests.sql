-- The answers of redeem_promo_codes_in_order to requests that made no new use: refusals, and uses that are there already, as
-- they are now. The arrays have an element for each request of a segment; where the outcome is NULL (accepted), 'answered' (before)
-- or 'waits' (for the next segment), nothing is answered. What a use has to be, besides its id, is in the last three arrays.
-- skipped: how many requests stand before them.
CREATE OR REPLACE FUNCTION :"schema".answer_promo_code_requests(outcomes text[], code_ids bigint[], found_ids bigint[], found_code_ids bigint[], found_customers text[], found_times timestamptz[], skipped integer)
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  RETURN QUERY
  SELECT a.n::integer + skipped, CASE WHEN a.outcome = 'found' AND (f.texts IS NULL OR f.is_over) THEN 'rolled_back' ELSE a.outcome END,
         f.texts[1], coalesce(f.texts[2], a.code_id::text), f.texts[3], f.texts[4], f.texts[5], f.texts[6], f.texts[7],
         f.texts[8], f.texts[9], f.expires
    FROM unnest(outcomes, code_ids, found_ids, found_code_ids, found_customers, found_times) WITH ORDINALITY
           AS a(outcome, code_id, use_id, of_code_id, of_customer, made_at, n)
    LEFT JOIN LATERAL (
           SELECT ARRAY[:use_texts()] AS texts, extract(epoch FROM h.expires_at)::text AS expires,
                  h.expires_at <= clock_timestamp() AS is_over
             FROM :"schema".promo_code_uses AS u
             LEFT JOIN :"schema".promo_code_holds AS h ON h.released_at IS NULL AND :is_use_of_hold()
            WHERE u.id = a.use_id AND a.outcome = 'found' AND :is_use_of(a.of_code_id, a.of_customer, a.made_at)
            LIMIT 1
         ) AS f ON true
   WHERE a.outcome NOT IN ('answered', 'waits');
END
$body$;
