-- is_for(who): whether c is for this customer (as it is compared): a code may be bound to one. Through JSON the column loses
-- its collation, since customers are compared under that of the uses.
(c.:"code_customer_address" IS NULL
 OR :asked_customer(pg_catalog.to_jsonb(c.:"code_customer_address"::text) #>> '{}'::text[]) = $who)
