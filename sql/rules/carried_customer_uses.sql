-- carried_customer_uses(code_id, customer): how many uses of a code by a customer (as it is compared) were archived. It is asked in the
-- statement that counts the rows or in a later one under the same lock, never before: archiving between the two would let a use pass.
coalesce((SELECT sum(carried.uses)::bigint FROM :"library".promo_code_carried_customers AS carried
           WHERE carried.promo_code_id = $code_id AND carried.customer_address = $customer), 0::bigint)
