-- record_uses(requests, may_be_capped): records uses for rows named q, as requested_uses takes them.
:insert_uses(q.id, a.code_id, q.customer, a.shop, q.transaction, q.base, a.bonus, :requested_uses($requests, $may_be_capped))
