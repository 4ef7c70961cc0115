-- is_of_history(table): whether a table is a partition of the history of its schema.
EXISTS (SELECT FROM pg_catalog.pg_inherits AS part
          JOIN pg_catalog.pg_class AS child ON child.oid = part.inhrelid
          JOIN pg_catalog.pg_class AS whole ON whole.oid = part.inhparent AND whole.relnamespace = child.relnamespace
         WHERE part.inhrelid = $table AND whole.relname = 'promo_code_history'::pg_catalog.name)
