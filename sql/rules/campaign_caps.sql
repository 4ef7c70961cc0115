-- campaign_caps(): whether the last use within the budget of the campaign g is paid what is left.
(g.max_total_bonus IS NOT NULL AND g.budget_overrun = 'cap')
