-- add_to_campaigns(codes, uses, bonus): adds the differences of codes to the campaigns that they are in. The codes are locked, so this
-- later statement sees the campaigns that they are in now. What is LATERAL reads no other codes.
PERFORM :"library".apply_promo_code_campaign_stats(
          pg_catalog.array_agg(member.campaign_id), pg_catalog.array_agg(changed.uses), pg_catalog.array_agg(changed.bonus))
   FROM ROWS FROM (pg_catalog.unnest($codes), pg_catalog.unnest($uses), pg_catalog.unnest($bonus)) AS changed(code, uses, bonus)
  CROSS JOIN LATERAL (SELECT m.campaign_id FROM :"library".promo_code_campaign_codes AS m
                       WHERE m.promo_code_id = changed.code
                      OFFSET 0) AS member
 HAVING count(*) > 0::bigint
