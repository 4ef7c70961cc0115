-- is_reserved(use): whether a use is a hold by the host's own word for it.
/*if reserved*/
coalesce($use.:"rolled_back"::text = :'reserved', false)
/*fi*/
/*if not reserved*/
false
/*fi*/
