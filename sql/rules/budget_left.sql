-- budget_left(): what is left of the budget of c, to the places of a bonus; NULL without a budget.
trunc(c.:"max_total_bonus"::numeric - :bonus_counted(c)::numeric, :"library".promo_code_places(:'uses'::regclass, :'codes'::regclass))
