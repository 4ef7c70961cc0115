-- room(): what is left of the total limit of c; NULL without one.
c.total_usage_limit::bigint - greatest(c.times_used::bigint, 0::bigint)
