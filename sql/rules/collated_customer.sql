-- collated_customer(customer): a text under the collation of the column of customers, so that it is grouped and compared as
-- the column is. The column of a NULL row has its type and its collation, and is gone when the statement is planned.
coalesce($customer, (CAST(NULL AS :"schema".promo_code_uses)).customer_address::text)
