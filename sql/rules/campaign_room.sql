-- campaign_room(): what is left of the total limit of the campaign g; NULL without one.
g.total_usage_limit - greatest(g.times_used, 0::bigint)
