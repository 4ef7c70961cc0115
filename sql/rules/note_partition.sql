-- note_partition(): a row trigger on a partition without statement triggers, which has an argument, says to the statement triggers
-- of the same transaction, which fire after it, that it counts the rows of its partition.
IF TG_NARGS > 0 AND TG_RELID::text <> ALL (pg_catalog.string_to_array(coalesce(:by_row(), ''), ' ')) THEN
  PERFORM set_config('pg_promo_codes.by_row', pg_catalog.concat_ws(' ', :by_row(), TG_RELID::text), true);
END IF;
