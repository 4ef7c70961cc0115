-- has_carried_customers(): the same, with the uses of their customers.
pg_relation_size(:'carried_customers'::regclass, 'main'::text) > 0::bigint
