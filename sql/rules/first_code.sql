-- first_code(use): of all uses the lowest code.
/*if uuid_codes*/
min($use.:"promo_code_id"::text)::uuid
/*fi*/
/*if not uuid_codes*/
min($use.:"promo_code_id")
/*fi*/
