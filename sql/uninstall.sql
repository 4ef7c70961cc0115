-- psql -v schema=public -f sql/uninstall.sql
--
-- Removes the triggers and functions that the library created. Tables, rows and counters stay.
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
COMMIT;
