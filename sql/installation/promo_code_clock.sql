-- The present, for an installation that is for tests alone (testClock): what the repository that calls has set its clock to, and
-- otherwise the time that is given. The rendering puts it around now() and clock_timestamp() there, and nowhere else.
CREATE OR REPLACE FUNCTION :"library".promo_code_clock(real_time timestamptz)
RETURNS timestamptz
LANGUAGE sql
STABLE
AS $body$
-- pg-promo-codes 2
SELECT coalesce(nullif(pg_catalog.current_setting('pg_promo_codes.clock', true), ''::text)::timestamptz, $1)
$body$;
