-- folded(customer): what customers are compared as.
-- An index of promo_code_uses is on this expression of the column.
pg_catalog.lower(pg_catalog.btrim($customer))
