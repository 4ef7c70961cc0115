-- ended_months(before): the months of the history that end before a moment, as the names of their tables have them, the oldest
-- first. home is the library schema, quoted, in the function that asks.
SELECT pg_catalog.substring(c.relname::text, '[0-9]{4,}_[0-9]{2}$')
  FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
 WHERE i.inhparent = (home || '.promo_code_history')::regclass::oid
   AND c.relname::text ~ '^promo_code_history_[0-9]{4,}_[0-9]{2}$'
   AND to_date(pg_catalog.substring(c.relname::text, '[0-9]{4,}_[0-9]{2}$'), 'YYYY_MM')::timestamptz + '1 month'::interval <= $before
 ORDER BY 1
