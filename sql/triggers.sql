-- psql -v schema=public -f sql/triggers.sql
--
-- Installs the counting triggers on existing tables and makes the counters true; what installTriggers() does, for hosts
-- that install through psql. Safe to run again. Further variables: -v granularity=auto|statement|row,
-- -v counter_writes=ignore|allow|reject, -v enforce_limits=true|false. Run it as the owner of the tables.
\set ON_ERROR_STOP on
\if :{?schema} \else \set schema public \endif
\if :{?granularity} \else \set granularity auto \endif
\if :{?counter_writes} \else \set counter_writes ignore \endif
\if :{?enforce_limits} \else \set enforce_limits false \endif
SET client_min_messages = warning;
SELECT :'granularity' = 'row' OR (:'granularity' = 'auto' AND EXISTS (
         SELECT FROM pg_catalog.pg_partitioned_table AS p
           JOIN pg_catalog.pg_class AS c ON c.oid = p.partrelid AND c.relname = 'promo_code_uses'
           JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'schema')) AS by_row,
       :'counter_writes' <> 'allow' AS guarded \gset

BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_catalog.set_config('pg_promo_codes.schema', :'schema', true) \g /dev/null
\ir preflight.sql
\ir tables/promo_code_idempotency_keys.sql
\ir tables/promo_code_holds.sql
\ir tables/promo_code_rate_limits.sql
SET LOCAL check_function_bodies = off;
\ir functions/recount_promo_code_stats.sql
\ir functions/apply_promo_code_stats.sql
\ir functions/update_promo_code_stats_on_insert.sql
\ir functions/update_promo_code_stats_on_delete.sql
\ir functions/update_promo_code_stats_on_update.sql
\ir functions/update_promo_code_stats_on_truncate.sql
\ir functions/recount_promo_code_at_commit.sql
\ir functions/guard_promo_code_counters.sql
\ir functions/verify_promo_code_limits.sql
\ir functions/reserve_promo_code_use_ids.sql
\ir functions/promo_code_value.sql
\ir functions/promo_code_is_text.sql
\ir functions/promo_code_places.sql
\ir functions/promo_code_is_percentage.sql
\ir functions/promo_code_bonus.sql
\ir functions/promo_code_use_matches.sql
\ir functions/find_promo_code_as_stored.sql
\ir functions/promo_code_fingerprint.sql
\ir functions/record_promo_code_uses.sql
\ir functions/release_promo_code_holds.sql
\ir functions/release_due_promo_code_holds.sql
\ir functions/answer_promo_code_requests.sql
\ir functions/assign_promo_code_holds.sql
\ir functions/replace_promo_code_holds.sql
\ir functions/redeem_promo_code_segment.sql
\ir functions/redeem_promo_codes_in_order.sql
\ir functions/wait_for_promo_code_call.sql
\ir functions/redeem_promo_codes.sql
\ir functions/redeem_promo_code.sql
\ir functions/rollback_promo_code_use.sql
\ir functions/amend_promo_code_use.sql
\ir functions/confirm_promo_code_use.sql
\ir functions/preview_promo_code.sql
\ir functions/create_promo_codes.sql
SET LOCAL check_function_bodies = on;
\ir resolve-bodies.sql
\ir give-to-owner.sql

-- Triggers of other options, and those of a partitioned table, whose clones on the partitions are not replaced in place.
SELECT pg_catalog.format('DROP TRIGGER %I ON %I.%I', t.tgname, n.nspname, c.relname)
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace AND fn.nspname = :'schema'
 WHERE t.tgparentid = 0
   AND t.tgname IN ('promo_code_uses_insert_trigger', 'promo_code_uses_delete_trigger', 'count_promo_code_uses_on_update',
                    'recount_promo_code_on_update',
                    'verify_promo_code_limits_on_insert', 'verify_promo_code_limits_on_update') \gexec
\ir triggers/truncate.sql
\ir triggers/counters.sql
\ir triggers/recount.sql
\if :guarded
  \ir triggers/counters-guarded.sql
\else
  \ir triggers/counters-allow.sql
\endif
\if :by_row
  \ir triggers/row.sql
\else
  \ir triggers/statement.sql
\endif
\ir indexes.sql
\if :enforce_limits
  \if :by_row
    \ir triggers/limits-row.sql
  \else
    \ir triggers/limits-statement.sql
  \endif
\endif

-- A partition needs a truncate trigger of its own.
SELECT pg_catalog.format('CREATE OR REPLACE TRIGGER count_promo_code_uses_on_truncate AFTER TRUNCATE ON %I.%I
                          FOR EACH STATEMENT EXECUTE FUNCTION %I.update_promo_code_stats_on_truncate()',
                         n.nspname, c.relname, :'schema')
  FROM pg_catalog.pg_class AS root
  JOIN pg_catalog.pg_namespace AS rn ON rn.oid = root.relnamespace AND rn.nspname = :'schema'
 CROSS JOIN LATERAL pg_catalog.pg_partition_tree(root.oid) AS p
  JOIN pg_catalog.pg_class AS c ON c.oid = p.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE root.relname = 'promo_code_uses' AND root.relkind = 'p' AND p.relid <> root.oid \gexec
\ir postflight.sql
COMMIT;

-- Writers go on while drifted codes are recounted, each under its own lock.
\ir reconcile.sql
