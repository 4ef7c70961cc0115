-- history_state(use): a use as the history shows it before and after; amounts as texts, which keep their decimal places.
pg_catalog.jsonb_build_object(
  'id', $use.:"use_id"::text, 'promoCodeId', $use.:"promo_code_id"::text,
  'customerAddress', $use.:"customer_address"::text, 'shopId', :history_shop($use),
  'transactionId', $use.:"transaction_id"::text, 'baseReward', $use.:"base_reward"::text,
  'bonusAmount', $use.:"bonus_amount"::text, 'totalReward', $use.:"total_reward"::text,
  'usedAt', $use.:"used_at"::timestamptz)
