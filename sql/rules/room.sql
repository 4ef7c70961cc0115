-- room(): what is left of the total limit of c; NULL without one.
c.:"total_usage_limit"::bigint - :uses_counted(c)
