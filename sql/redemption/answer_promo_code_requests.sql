-- The answers of redeem_promo_codes_in_order to requests that made no new use: refusals, and uses that are there already, as
-- they are now. The arrays have an element for each request of a segment; where the outcome is NULL (accepted), 'answered' (before)
-- or 'waits' (for the next segment), nothing is answered. What a use has to be, besides its id, is in the last three arrays.
-- skipped: how many requests stand before them. A use that was archived is answered as it was then.
CREATE OR REPLACE FUNCTION :"library".answer_promo_code_requests(outcomes text[], code_ids :code_id_type[], found_ids :use_id_type[], found_code_ids :code_id_type[], found_customers text[], found_times timestamptz[], skipped integer)
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  RETURN QUERY
  SELECT a.n::integer + skipped, CASE WHEN a.outcome = 'found' AND (s.texts IS NULL OR f.is_over) THEN 'rolled_back' ELSE a.outcome END,
         s.texts[1], coalesce(s.texts[2], a.code_id::text), s.texts[3], s.texts[4], s.texts[5], s.texts[6], s.texts[7],
         s.texts[8], s.texts[9], f.expires
    FROM unnest(outcomes, code_ids, found_ids, found_code_ids, found_customers, found_times) WITH ORDINALITY
           AS a(outcome, code_id, use_id, of_code_id, of_customer, made_at, n)
    LEFT JOIN LATERAL (
           SELECT ARRAY[:use_texts()] AS texts, extract(epoch FROM h.expires_at)::text AS expires,
                  h.expires_at <= clock_timestamp() AS is_over
             FROM :"uses" AS u
             LEFT JOIN :"library".promo_code_holds AS h ON h.released_at IS NULL AND :is_use_of_hold()
            WHERE u.:"use_id" = a.use_id AND a.outcome = 'found' AND :is_use_of(a.of_code_id, a.of_customer, a.made_at)
            LIMIT 1
         ) AS f ON true
   CROSS JOIN LATERAL (
          SELECT coalesce(f.texts, (
                   SELECT v.answer FROM :"library".promo_code_archived_uses AS v
                    WHERE v.use_id = a.use_id AND a.outcome = 'found'
                      AND ((v.promo_code_id = a.of_code_id AND v.customer_address = a.of_customer) IS TRUE
                           OR (v.used_at = a.made_at) IS TRUE))) AS texts
         ) AS s
   WHERE a.outcome NOT IN ('answered', 'waits');
END
$body$;
