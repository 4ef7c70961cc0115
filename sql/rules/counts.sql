-- counts(use): whether a use counts: it was not taken back.
/*if deleted*/
true
/*fi*/
/*if rolled_back_at*/
$use.:"rolled_back" IS NULL
/*fi*/
/*if status*/
coalesce($use.:"rolled_back"::text = ANY (:'counted'::text[]), false)
/*fi*/
