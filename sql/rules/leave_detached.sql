-- leave_detached(): ends a trigger that fires for a table which is no partition of the uses any more: its rows do not count. Where no
-- table has the name of the uses, this is it, renamed.
IF (TG_TABLE_NAME::text <> :'uses_name' OR TG_TABLE_SCHEMA::text <> :'schema')
   AND pg_partition_root(TG_RELID::regclass)::oid IS DISTINCT FROM to_regclass(:'uses')::oid THEN
  IF to_regclass(:'uses') IS NOT NULL
     AND NOT EXISTS (SELECT FROM pg_partition_ancestors(TG_RELID::regclass) AS a WHERE a.relid::oid = to_regclass(:'uses')::oid) THEN
    RETURN NULL;
  END IF;
END IF;
