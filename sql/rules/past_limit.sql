-- past_limit(limit): one use more than a limit of bigint allows, as the most that has to be counted to know whether it was reached; of a
-- limit that nobody reaches, as many as fit.
greatest(least($limit, 2147483647::bigint), 0::bigint) + 1::bigint
