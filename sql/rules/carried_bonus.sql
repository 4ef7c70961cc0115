-- carried_bonus(code_id): the sum of their bonuses.
coalesce((SELECT carried.bonus FROM :"library".promo_code_carried_totals AS carried WHERE carried.promo_code_id = $code_id), 0::numeric)
