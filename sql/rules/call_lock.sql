-- call_lock(id): the advisory lock of an attempt.
hashint8extended($id, :'uses'::regclass::oid::bigint)
