-- customer(use): the customer of a use as customers are compared.
/*if folded*/
lower(btrim($use.:"customer_address"::text))
/*fi*/
/*if not folded*/
$use.:"customer_address"::text
/*fi*/
