-- call_lock(id): the advisory lock of an attempt.
hashint8extended($id, 'promo_code_uses'::regclass::oid::bigint)
