-- code_bucket(id): one of 256 numbers, for a lock that many codes share.
(hashtextextended($id::text, 0::bigint) % 256::bigint)::integer
