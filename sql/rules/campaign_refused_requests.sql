-- campaign_refused_requests(known): known_requests, with what of the campaign they are in is against them as things stand before
-- the segment (NULL: nothing), and how many uses their customers have in it, where that is limited. In a segment its room and its
-- budget only shrink.
(SELECT w.*,
        CASE WHEN w.outcome IS NOT NULL OR w.campaign_id IS NULL THEN NULL
             WHEN campaign_rooms[w.place] <= 0::bigint THEN 'campaign_limit_reached'
             WHEN w.campaign_had >= campaign_customer_limits[w.place] THEN 'campaign_customer_limit_reached'
             WHEN NOT :fits_budget(w.paid_by_code, campaign_budgets[w.place])
                  AND NOT (campaign_caps[w.place] AND campaign_budgets[w.place] > 0::numeric)
             THEN 'campaign_budget_exhausted' END AS campaign_refusal
   FROM (SELECT k.*, campaign_ids[k.place] AS campaign_id,
                CASE WHEN k.outcome IS NULL AND campaign_customer_limits[k.place] IS NOT NULL
                     THEN :campaign_customer_uses(
                            campaign_ids[k.place], k.who, :past_limit(campaign_customer_limits[k.place]), true)
                END AS campaign_had
           FROM $known AS k) AS w
 OFFSET 0)
