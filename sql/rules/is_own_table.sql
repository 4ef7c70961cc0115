-- is_own_table(table): whether a table of one of the library's names is the library's: it carries a comment, or where an older
-- version has created it, a policy.
(coalesce(pg_catalog.obj_description($table, 'pg_class') LIKE 'pg-promo-codes%', false)
 OR EXISTS (SELECT FROM pg_catalog.pg_policy AS own WHERE own.polrelid = $table AND own.polname = 'promo_code_redeemers'::pg_catalog.name))
