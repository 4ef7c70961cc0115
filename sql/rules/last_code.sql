-- last_code(use): of all uses the highest code.
/*if uuid_codes*/
max($use.:"promo_code_id"::text)::uuid
/*fi*/
/*if not uuid_codes*/
max($use.:"promo_code_id")
/*fi*/
