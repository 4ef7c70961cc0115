-- The frame of renderSql('triggers'). The lines that begin with a colon are filled in by the library. It is one transaction of
-- the owner of the tables, as migration tools run it.
DO $body$
BEGIN
  IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'pg-promo-codes must be installed in a READ COMMITTED transaction: an older snapshot would miss uses';
  END IF;
END
$body$;

:preflight
:former_tables
:functions
:tables
:give_to_owner
:rights

DO $body$
DECLARE
  -- Where the table is partitioned.
  root oid := (SELECT c.oid FROM pg_catalog.pg_class AS c
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'schema'::pg_catalog.name
                WHERE c.relname = :'uses_name'::pg_catalog.name AND c.relkind = 'p'::"char");
  -- Statement triggers do not see what is written through a parent, and foreign tables give no transition tables.
  by_row boolean := CASE :'granularity' WHEN 'row' THEN true WHEN 'statement' THEN false ELSE EXISTS (
    SELECT FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'schema'::pg_catalog.name
     WHERE c.relname = :'uses_name'::pg_catalog.name
       AND (EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid)
         OR EXISTS (SELECT FROM pg_catalog.pg_partition_tree(root::pg_catalog.regclass) AS p JOIN pg_catalog.pg_class AS f ON f.oid = p.relid::oid
                     WHERE f.relkind = 'f'::"char"))) END;
  found record;
BEGIN
  -- Triggers of other options, and those of a partitioned table, whose clones on the partitions are not replaced in place.
  FOR found IN
    SELECT t.tgname, n.nspname, c.relname
      FROM pg_catalog.pg_trigger AS t
      JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
     WHERE t.tgparentid = 0::oid AND f.prosrc LIKE '%-- pg-promo-codes %'
       AND ((n.nspname = :'schema'::pg_catalog.name AND c.relname::text IN (:'codes_name', :'uses_name'))
         OR c.oid IN (SELECT p.relid::oid FROM pg_catalog.pg_partition_tree(root::pg_catalog.regclass) AS p))
       AND pg_catalog.regexp_replace(t.tgname::text, '_by_row$', '') IN ('promo_code_uses_insert_trigger', 'promo_code_uses_delete_trigger',
                              'count_promo_code_uses_on_update', 'recount_promo_code_on_update',
                              'verify_promo_code_limits_on_insert', 'verify_promo_code_limits_on_update',
                              'verify_promo_codes_together_on_insert', 'verify_promo_codes_together_on_update',
                              'record_promo_code_history_on_insert', 'record_promo_code_history_on_delete',
                              'record_promo_code_history_on_update', 'record_promo_code_history_on_truncate')
  LOOP
    EXECUTE pg_catalog.format('DROP TRIGGER %I ON %I.%I', found.tgname, found.nspname, found.relname);
  END LOOP;

:common_triggers
  IF by_row THEN
:row_triggers
  ELSE
:statement_triggers
    IF root IS NOT NULL THEN
:row_triggers_for_later
    END IF;
  END IF;

  -- A statement fires the triggers of the relation that it names: each partition has those of its parent for statements. The row
  -- triggers beside them are for partitions that come later.
  FOR found IN
    SELECT pg_catalog.concat('CREATE OR REPLACE ', pg_catalog.substr(pg_catalog.replace(
             pg_catalog.pg_get_triggerdef(t.oid), pg_catalog.format(' ON %I.%I ', :'schema', :'uses_name'),
             pg_catalog.format(' ON %I.%I ', n.nspname, c.relname)), 8)) AS change
      FROM pg_catalog.pg_trigger AS t
      JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid AND f.prosrc LIKE '%-- pg-promo-codes %'
     CROSS JOIN LATERAL pg_catalog.pg_partition_tree(root::pg_catalog.regclass) AS p
      JOIN pg_catalog.pg_class AS c ON c.oid = p.relid::oid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE t.tgrelid = root AND (t.tgtype & 1::smallint) = 0::smallint AND p.relid::oid <> root
     UNION ALL
    SELECT pg_catalog.format('ALTER TABLE %I.%I DISABLE TRIGGER %I', n.nspname, c.relname, t.tgname)
      FROM pg_catalog.pg_trigger AS t
      JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid AND f.prosrc LIKE '%-- pg-promo-codes %'
     CROSS JOIN LATERAL pg_catalog.pg_partition_tree(root::pg_catalog.regclass) AS p
      JOIN pg_catalog.pg_class AS c ON c.oid = p.relid::oid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE t.tgrelid = root AND t.tgname::text ~ '_by_row$' AND p.isleaf
  LOOP
    EXECUTE found.change;
  END LOOP;
END
$body$;
:indexes
:postflight
:reconcile
