-- filled_by_triggers(table): whether a trigger of the host may fill columns that are not written: row triggers (1) before (2)
-- an insert (4). Those of the library do not.
EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
          JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
         WHERE g.tgrelid = $table.oid AND g.tgtype::integer & 7 = 7 AND g.tgenabled <> 'D'::"char"
           AND pg_catalog.strpos(p.prosrc, '-- pg-promo-codes') = 0)
