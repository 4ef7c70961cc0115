-- bound_customer(): the customer whom c is bound to, as customers are compared. Through JSON the column loses its collation, since
-- customers are compared under that of the uses.
:asked_customer(pg_catalog.to_jsonb(c.:"code_customer_address"::text) #>> '{}'::text[])
