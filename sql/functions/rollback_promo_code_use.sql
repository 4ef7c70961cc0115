-- Takes a use back, under the same lock as redeeming. Answers whether there was one.
CREATE OR REPLACE FUNCTION :"schema".rollback_promo_code_use(wanted bigint)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = 'UTC'
SET enable_seqscan = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  code_id bigint;
  found_one boolean;
BEGIN
  SELECT u.promo_code_id INTO code_id FROM :"schema".promo_code_uses AS u WHERE u.id = wanted;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM FROM :"schema".promo_codes AS c WHERE c.id = code_id FOR NO KEY UPDATE;
  DELETE FROM :"schema".promo_code_uses AS u WHERE u.id = wanted;
  found_one := FOUND;
  -- A hold that was released meanwhile keeps its mark.
  DELETE FROM :"schema".promo_code_holds AS h WHERE h.use_id = wanted AND h.released_at IS NULL;
  RETURN found_one;
END
$body$;
