-- is_referencing(): whether an immediate foreign key sees to it that no use is older than its code.
EXISTS (
  SELECT FROM pg_class AS codes
    JOIN pg_class AS uses ON uses.relnamespace = codes.relnamespace AND uses.relname = :'uses_name'::name
    JOIN pg_attribute AS child ON child.attrelid = uses.oid AND child.attname = :'promo_code_id'::name
    JOIN pg_attribute AS parent ON parent.attrelid = codes.oid AND parent.attname = :'code_id'::name
    JOIN pg_constraint AS k ON k.conrelid = uses.oid AND k.confrelid = codes.oid AND k.contype = 'f'::"char"
   WHERE codes.oid = :'codes'::regclass::oid AND k.convalidated AND NOT k.condeferrable
     AND k.conkey::text = pg_catalog.format('{%s}', child.attnum) AND k.confkey::text = pg_catalog.format('{%s}', parent.attnum))
