-- is_use_of(code_id, customer, made_at): whether the use u is the one that a key or a hold was made with. Its id alone proves
-- nothing: ids come again after a restore, RESTART IDENTITY or a sequence that was set back. It is the same one when code and
-- customer (as it is compared) are the same, or when it was recorded in the same transaction, which their times tell: then
-- it was moved to another code, or a trigger of the host changed its customer.
((u.promo_code_id = $code_id AND :folded(u.customer_address::text) = $customer) IS TRUE
 OR (u.used_at::timestamptz = $made_at) IS TRUE)
