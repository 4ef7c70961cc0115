-- Releases expired holds of all codes, the longest expired first, each code under its lock and in the order of ids; forgets
-- those whose uses or codes are gone, and holds that were released long ago. Answers how many uses were taken back and
-- whether more holds are due.
CREATE OR REPLACE FUNCTION :"library".release_due_promo_code_holds(at_most integer)
RETURNS TABLE (released integer, remaining boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  hold record;
  live integer := 0;
  gone :use_id_type[] := '{}';
  codes :code_id_type[] := '{}';
  code_id :code_id_type;
BEGIN
  FOR hold IN
    SELECT h.use_id, h.promo_code_id, EXISTS (SELECT FROM :"uses" AS u WHERE :is_use_of_hold()) AS has_use
      FROM :"library".promo_code_holds AS h
     WHERE :hold_is_due()
     ORDER BY h.expires_at
  LOOP
    IF hold.has_use THEN
      live := live + 1;
      codes := pg_catalog.array_append(codes, hold.promo_code_id);
    ELSE
      gone := pg_catalog.array_append(gone, hold.use_id);
    END IF;
    EXIT WHEN live >= at_most OR pg_catalog.cardinality(gone) >= 10000;
  END LOOP;

  -- All codes before all campaigns, each in the order of their ids.
  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = ANY (codes) ORDER BY c.:"code_id" FOR NO KEY UPDATE;
  PERFORM FROM :"library".promo_code_campaigns AS g
    WHERE g.id = ANY (ARRAY(SELECT :campaign_of(q.id) FROM pg_catalog.unnest(codes) AS q(id)))
    ORDER BY g.id
    FOR NO KEY UPDATE;
  released := 0;
  FOR code_id IN SELECT DISTINCT q.id FROM pg_catalog.unnest(codes) AS q(id) ORDER BY q.id
  LOOP
    EXIT WHEN released >= at_most;
    released := released + :"library".release_promo_code_holds(code_id, at_most - released);
  END LOOP;
  DELETE FROM :"library".promo_code_holds AS h WHERE h.use_id = ANY (gone) AND h.released_at IS NULL;
  remaining := EXISTS (
    SELECT FROM :"library".promo_code_holds AS h JOIN :"uses" AS u ON :is_use_of_hold() WHERE :hold_is_due());

  -- A confirmation that comes later than this is answered like one of an unknown use.
  DELETE FROM :"library".promo_code_holds AS h
   WHERE h.use_id = ANY (ARRAY(
           SELECT o.use_id FROM :"library".promo_code_holds AS o
            WHERE o.released_at IS NOT NULL AND o.released_at < now() - '90 days'::interval
            ORDER BY o.released_at
            LIMIT at_most));
  RETURN NEXT;
END
$body$;
