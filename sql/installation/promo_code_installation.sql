-- The installation: which tables it is for, how they are described, and with which options. A function and no table: it is
-- there before anything else, its text can be read in the catalogs, and no TRUNCATE of a test suite and no dump of rows alone
-- loses it.
CREATE OR REPLACE FUNCTION :"library".promo_code_installation()
RETURNS text
LANGUAGE sql
IMMUTABLE
AS $body$
-- pg-promo-codes 2
SELECT $json$:json_text$json$::text FROM (SELECT $schema$:schema_text$schema$, $codes$:codes_text$codes$, $uses$:uses_text$uses$) AS tables
$body$;
