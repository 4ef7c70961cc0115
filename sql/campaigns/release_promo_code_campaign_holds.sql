-- Gives back what expired holds of any code of a campaign take up. The caller holds the lock on the campaign, so a code that somebody
-- else has locked is passed over and never waited for. Answers how many uses were taken back.
CREATE OR REPLACE FUNCTION :"library".release_promo_code_campaign_holds(campaign bigint, at_most integer)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  codes :code_id_type[] := ARRAY(
    SELECT DISTINCT d.promo_code_id
      FROM (SELECT h.promo_code_id
              FROM :"library".promo_code_holds AS h
             WHERE :hold_is_due() AND :campaign_of(h.promo_code_id) = campaign
             ORDER BY h.expires_at
             LIMIT at_most) AS d);
  code_id :code_id_type;
  released integer := 0;
BEGIN
  FOR code_id IN
    SELECT c.:"code_id" FROM :"codes" AS c WHERE c.:"code_id" = ANY (codes) ORDER BY c.:"code_id" FOR NO KEY UPDATE SKIP LOCKED
  LOOP
    -- It may have left before it was locked.
    IF :campaign_of(code_id) = campaign THEN
      released := released + :"library".release_promo_code_holds(code_id, at_most);
    END IF;
  END LOOP;
  RETURN released;
END
$body$;
