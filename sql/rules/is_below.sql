-- is_below(base): whether a reward is less than c asks for.
coalesce($base < c.:"min_base_reward"::numeric, false)
