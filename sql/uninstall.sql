-- psql -v schema=public -f sql/uninstall.sql
--
-- Removes the triggers and functions that the library created. All tables (its own as well), rows and counters stay.
\set ON_ERROR_STOP on
\if :{?schema} \else \set schema public \endif
SET client_min_messages = warning;
BEGIN;
DROP FUNCTION IF EXISTS :"schema".update_promo_code_stats_on_insert() CASCADE;
DROP FUNCTION IF EXISTS :"schema".update_promo_code_stats_on_delete() CASCADE;
DROP FUNCTION IF EXISTS :"schema".update_promo_code_stats_on_update() CASCADE;
DROP FUNCTION IF EXISTS :"schema".update_promo_code_stats_on_truncate() CASCADE;
DROP FUNCTION IF EXISTS :"schema".guard_promo_code_counters() CASCADE;
DROP FUNCTION IF EXISTS :"schema".recount_promo_code_at_commit() CASCADE;
DROP FUNCTION IF EXISTS :"schema".verify_promo_code_limits() CASCADE;
DROP FUNCTION IF EXISTS :"schema".apply_promo_code_stats(bigint, bigint, numeric);
DROP FUNCTION IF EXISTS :"schema".recount_promo_code_stats(bigint);
DROP FUNCTION IF EXISTS :"schema".preview_promo_code(text, text, text, numeric);
DROP FUNCTION IF EXISTS :"schema".create_promo_codes(text, jsonb);
DROP FUNCTION IF EXISTS :"schema".redeem_promo_code(text, text, text, numeric, text, text, bigint, bigint, integer);
DROP FUNCTION IF EXISTS :"schema".redeem_promo_codes(text[], text[], integer[], text[], numeric[], text[], text[], bigint[], integer[], boolean[], boolean, boolean, bigint, integer);
DROP FUNCTION IF EXISTS :"schema".redeem_promo_codes_in_order(bigint[], bigint[], bigint[], text[], text[], text[], integer[], text[], numeric[], text[], text[], bigint[], integer[], boolean[], boolean, boolean);
DROP FUNCTION IF EXISTS :"schema".answer_promo_code_requests(integer[], text[], bigint[], bigint[]);
DROP FUNCTION IF EXISTS :"schema".rollback_promo_code_use(bigint);
DROP FUNCTION IF EXISTS :"schema".amend_promo_code_use(bigint, jsonb);
DROP FUNCTION IF EXISTS :"schema".confirm_promo_code_use(bigint, text);
DROP FUNCTION IF EXISTS :"schema".release_expired_promo_code_holds(integer);
DROP FUNCTION IF EXISTS :"schema".release_promo_code_holds(bigint, integer);
DROP FUNCTION IF EXISTS :"schema".record_promo_code_uses(bigint[], bigint[], text[], text[], numeric[], numeric[], integer[]);
DROP FUNCTION IF EXISTS :"schema".promo_code_fingerprint(text, text, numeric, text, integer);
DROP FUNCTION IF EXISTS :"schema".reserve_promo_code_use_ids(integer);
COMMIT;
