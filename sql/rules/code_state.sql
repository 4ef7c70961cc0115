-- code_state(start_moment, end_moment): why c cannot be redeemed without a bonus that is given, or NULL.
coalesce(:code_refusal($start_moment, $end_moment),
         CASE WHEN :"library".promo_code_is_percentage(c.:"bonus_type"::text) IS NULL THEN 'unsupported_bonus_type' END)
