-- counter_scale(): the decimal places of the column of totals, so that a sum is shown as the counter is: 5.00, not 5 or 0.
(SELECT CASE WHEN a.atttypmod >= 4 THEN (a.atttypmod - 4) & 1023 ELSE 0 END AS scale
   FROM pg_catalog.pg_attribute AS a
   JOIN pg_catalog.pg_class AS t ON t.oid = a.attrelid AND t.relname = :'codes_name'::pg_catalog.name
   JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = :'schema'::pg_catalog.name
  WHERE a.attname = :'total_bonus_issued'::pg_catalog.name)
