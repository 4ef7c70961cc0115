-- Records every use that TRUNCATE is about to remove, under the lock that it has taken. It fires for each table of the
-- statement, also for partitions, and each records its own rows.
CREATE OR REPLACE FUNCTION :"library".record_promo_code_history_on_truncate()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
SET timezone = :'time_zone'
SET row_security = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Who follows the history relies on it that a record takes its id after its transaction has.
  own xid8 := pg_current_xact_id();
BEGIN
  :leave_detached()
  -- Put together, not by format(): the name of a column may hold what that would take for a place of its own.
  EXECUTE $insert$
    :history_columns()
    SELECT 'truncated', :history_state(o), NULL, NULL, NULL, :history_values(o, NULL)
      FROM ONLY $insert$ || pg_catalog.format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME) || $insert$ AS o
     WHERE :counts(o)$insert$;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".record_promo_code_history_on_truncate() FROM PUBLIC;
