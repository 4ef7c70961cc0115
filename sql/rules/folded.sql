-- folded(customer): what customers are compared as. An index of promo_code_uses is on this expression of the column.
lower(btrim($customer))
