-- Whether a use stands in a partition whose rows are counted by row triggers: one that was made or attached since the triggers were
-- installed. Which partition a row of a transition table stands in, the constraint of the partition says. partitions: the oids of
-- those where row triggers have fired in this transaction. Triggers may have been installed there meanwhile.
CREATE OR REPLACE FUNCTION :"library".promo_code_use_is_counted_by_row(use_values jsonb, partitions text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  partition_oid oid;
  stands_there boolean;
BEGIN
  FOR partition_oid IN
    SELECT t.tgrelid
      FROM pg_trigger AS t
     WHERE t.tgrelid = ANY (pg_catalog.string_to_array(partitions, ' ')::oid[])
       AND t.tgname = 'promo_code_uses_insert_trigger_by_row'::name AND t.tgparentid <> 0::oid
       AND t.tgenabled IN ('O'::"char", 'A'::"char")
  LOOP
    -- A default partition without others has no constraint.
    EXECUTE $insert$
      SELECT EXISTS (SELECT FROM jsonb_populate_record(CAST(NULL AS :"uses"), $1) AS u
                      WHERE $insert$ || coalesce(pg_get_partition_constraintdef(partition_oid), 'true'::text) || $insert$)$insert$
      INTO stands_there USING use_values;
    IF stands_there THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$body$;

REVOKE ALL ON FUNCTION :"library".promo_code_use_is_counted_by_row(jsonb, text) FROM PUBLIC;
