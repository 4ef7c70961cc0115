-- add_to_campaign(code, uses, bonus): add_to_campaigns of one code.
IF :has_campaigns() THEN
  campaign_id := :campaign_of($code);
  IF campaign_id IS NOT NULL THEN
    PERFORM :"library".apply_promo_code_campaign_stats(ARRAY[campaign_id], ARRAY[$uses], ARRAY[$bonus]);
  END IF;
END IF
