-- add_to_campaigns(codes, uses, bonus): adds the differences of codes to the campaigns that they are in, each once. The codes are locked,
-- so this later statement sees the campaigns that they are in now. What is LATERAL reads no other codes.
IF :has_campaigns() THEN
  PERFORM :"library".apply_promo_code_campaign_stats(
            pg_catalog.array_agg(added.campaign_id), pg_catalog.array_agg(added.uses), pg_catalog.array_agg(added.bonus))
     FROM (SELECT member.campaign_id, sum(changed.uses)::bigint AS uses, sum(changed.bonus) AS bonus
             FROM ROWS FROM (pg_catalog.unnest($codes), pg_catalog.unnest($uses), pg_catalog.unnest($bonus)) AS changed(code, uses, bonus)
            CROSS JOIN LATERAL (SELECT m.campaign_id FROM :"library".promo_code_campaign_codes AS m
                                 WHERE m.promo_code_id = changed.code
                                OFFSET 0) AS member
            GROUP BY member.campaign_id) AS added
   HAVING count(*) > 0::bigint;
END IF
