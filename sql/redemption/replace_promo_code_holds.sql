-- Takes the uses back whose holds give way to requests of a segment. The arrays have an element for each of these: the outcome
-- is NULL where a request is accepted, the refusal is what it would be without the hold.
--
-- Answers the outcomes as they are then: 'answered' where an answer showed the hold before it gave way, and the refusal where
-- a trigger of the host kept the use; the key of that request is free again.
CREATE OR REPLACE FUNCTION :"library".replace_promo_code_holds(outcomes text[], refusals text[], replaced_ids :use_id_type[], found_ids :use_id_type[], code_ids :code_id_type[], shops text[], places integer[], keys text[])
RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  new_outcomes text[];
BEGIN
  UPDATE :"library".promo_code_holds AS h SET released_at = clock_timestamp(), released_as = 'replaced'
   WHERE h.use_id = ANY (replaced_ids);
  WITH gone AS (
    :take_back(u.:"use_id" = ANY (replaced_ids) AND u.:"promo_code_id" = ANY (code_ids))
    RETURNING u.:"use_id" AS use_id
  )
  SELECT pg_catalog.array_agg(
           CASE WHEN q.outcome = 'found' AND pg_catalog.array_position(replaced_ids, q.found_id)::bigint > q.n THEN 'answered'
                WHEN q.outcome IS NULL AND q.replaced_id <> ALL (ARRAY(SELECT g.use_id FROM gone AS g)) THEN q.refusal
                ELSE q.outcome END ORDER BY q.n)
    INTO new_outcomes
    FROM unnest(outcomes, refusals, replaced_ids, found_ids)
           WITH ORDINALITY AS q(outcome, refusal, replaced_id, found_id, n);
  DELETE FROM :"library".promo_code_idempotency_keys AS e
   USING unnest(new_outcomes, replaced_ids, places, keys) AS q(outcome, replaced_id, place, key)
   WHERE q.outcome IS NOT NULL AND q.replaced_id IS NOT NULL AND e.shop_id = shops[q.place] AND e.idempotency_key = q.key;
  RETURN new_outcomes;
END
$body$;
