-- history_values(use, why): which use it was, why (unless the transaction says so itself), who did it and when.
$use.:"use_id", $use.:"promo_code_id", :history_shop($use), :customer($use), $use.:"transaction_id"::text,
coalesce($why, :history_setting('pg_promo_codes.reason')), :history_setting('pg_promo_codes.actor'),
clock_timestamp()
