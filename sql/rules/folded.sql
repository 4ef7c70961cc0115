-- folded(customer): what customers are compared as. An index of promo_code_uses is on this expression of the column.
/*if folded*/ lower(btrim($customer)) /*fi*/ /*if not folded*/ ($customer) /*fi*/
