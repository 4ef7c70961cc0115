-- has_carried(): whether uses were ever archived. Nothing is read but how big the file of the table is, which no snapshot hides and
-- which takes no right; who never archives pays for no more.
pg_relation_size(:'carried_totals'::regclass, 'main'::text) > 0::bigint
