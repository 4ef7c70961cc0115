-- is_for(who): whether c is for this customer (as it is compared): a code may be bound to one.
(c.:"code_customer_address" IS NULL OR :bound_customer() = $who)
