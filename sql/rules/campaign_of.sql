-- campaign_of(code_id): the campaign that a code is in, or NULL.
(SELECT m.campaign_id FROM :"library".promo_code_campaign_codes AS m WHERE m.promo_code_id = $code_id)
