-- Campaigns get the numbers that were asked for, as long as there has been none.
DO $body$
DECLARE
  numbers regclass := pg_catalog.pg_get_serial_sequence(pg_catalog.format('%I.promo_code_campaigns', :'library'), 'id')::regclass;
BEGIN
  IF pg_catalog.pg_sequence_last_value(numbers) IS NULL AND EXISTS (
       SELECT FROM pg_catalog.pg_sequence AS q
        WHERE q.seqrelid = numbers::oid AND (q.seqstart <> :first_text::bigint OR q.seqincrement <> :step_text::bigint)) THEN
    ALTER TABLE :"library".promo_code_campaigns ALTER COLUMN id SET START WITH :first_text SET INCREMENT BY :step_text RESTART;
  END IF;
END
$body$;
