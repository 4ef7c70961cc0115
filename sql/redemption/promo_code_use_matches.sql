-- Whether a use is the one that a key or a hold was made with. Its id alone proves nothing: ids come again after a restore,
-- RESTART IDENTITY or a sequence that was set back. It is the same one when code and customer (folded) are the same, or when
-- it was recorded in the same transaction, which their times tell: then it was moved to another code, or a trigger of the
-- host changed its customer. Without settings of its own it becomes part of the statement that calls it.
CREATE OR REPLACE FUNCTION :"library".promo_code_use_matches(code_id bigint, customer text, used_at timestamptz, of_code bigint, of_customer text, made_at timestamptz)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
AS $body$
-- pg-promo-codes 2
SELECT (code_id = of_code AND customer = of_customer) IS TRUE OR (used_at = made_at) IS TRUE
$body$;
