-- Stands before whatever changes campaigns, their limits or their codes, but not before counting: it takes the right to change the table
-- of codes. Whoever redeems has rights on these tables as well, and who may only redeem is to change no limit. It runs with the rights
-- of its caller, to know which these are.
CREATE OR REPLACE FUNCTION :"library".protect_promo_code_campaigns()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
BEGIN
  IF NOT has_table_privilege(:'codes'::regclass::oid, 'UPDATE'::text) THEN
    RAISE EXCEPTION 'permission denied for table %', TG_TABLE_NAME
      USING ERRCODE = 'insufficient_privilege', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA,
            HINT = pg_catalog.format('Campaigns are changed by roles that may change codes: GRANT UPDATE ON %s.', :'codes');
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".protect_promo_code_campaigns() FROM PUBLIC;
