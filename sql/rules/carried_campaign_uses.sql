-- carried_campaign_uses(campaign, customer): the same of all codes of a campaign, which need not be locked: it is asked in the
-- statement that counts the rows.
coalesce((SELECT sum(carried.uses)::bigint FROM :"library".promo_code_carried_customers AS carried
           WHERE carried.customer_address = $customer AND :campaign_of(carried.promo_code_id) = $campaign), 0::bigint)
