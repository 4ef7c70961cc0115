-- campaign_cap(): the most that a use of c is paid by the campaign that c is in; NULL where that does not cap.
(SELECT greatest(:campaign_budget_left(), 0::numeric)
   FROM :"library".promo_code_campaign_codes AS m
   JOIN :"library".promo_code_campaigns AS g ON g.id = m.campaign_id AND :campaign_caps()
  WHERE m.promo_code_id = c.:"code_id")
