-- carried_uses(code_id): how many uses of a code were archived.
coalesce((SELECT carried.uses FROM :"library".promo_code_carried_totals AS carried WHERE carried.promo_code_id = $code_id), 0::bigint)
