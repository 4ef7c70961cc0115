-- Keeps the history from being changed, also by its owner. Rights keep others out; this is against mistakes. What the library
-- itself has to do (erasing a customer, moving rows into the partition of their month) carries a marker.
CREATE OR REPLACE FUNCTION :"library".guard_promo_code_history()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  IF TG_OP <> 'TRUNCATE' AND current_setting('pg_promo_codes.history', true) = 'maintained' THEN
    RETURN CASE TG_OP WHEN 'UPDATE' THEN NEW ELSE OLD END;
  END IF;
  RAISE EXCEPTION 'the history of promo codes is append-only: % is refused', TG_OP
    USING ERRCODE = 'PC020', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA,
          HINT = 'eraseCustomer() replaces a customer; old months are dropped with pruneHistory().';
END
$body$;

REVOKE ALL ON FUNCTION :"library".guard_promo_code_history() FROM PUBLIC;
