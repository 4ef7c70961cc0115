-- budget_caps(): whether the last use of c within its budget is paid what is left.
coalesce(c.:"max_total_bonus" IS NOT NULL AND c.:"budget_overrun"::text = 'cap', false)
