-- campaign_budget_left(): what is left of the budget of the campaign g, to the places of a bonus; NULL without a budget.
trunc(g.max_total_bonus - g.total_bonus_issued, :"library".promo_code_places(:'uses'::regclass, :'codes'::regclass))
