-- lock_class(): the first number of the advisory locks on buckets of codes. Installations have their own: one must not wait for
-- another, and they take these locks in orders of their own.
hashint8(:'uses'::regclass::oid::bigint)
