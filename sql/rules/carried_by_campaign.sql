-- carried_by_campaign(campaign): a row with what the codes of a campaign carry forward.
(SELECT coalesce(sum(k.uses), 0::numeric)::bigint AS uses, coalesce(sum(k.bonus), 0::numeric) AS bonus
   FROM :"library".promo_code_campaign_codes AS member
   JOIN :"library".promo_code_carried_totals AS k ON k.promo_code_id = member.promo_code_id
  WHERE member.campaign_id = $campaign)
