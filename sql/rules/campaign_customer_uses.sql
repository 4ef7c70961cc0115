-- campaign_customer_uses(campaign, customer, at_most, condition): how many uses u of the codes of a campaign a customer (as it is
-- compared) has, for which the condition holds; no more rows than matter. In the order of an index that leads with the customer, use by
-- use: EXISTS would be a join, and without statistics one that looks into each code of the campaign.
(SELECT count(*)
   FROM (SELECT FROM :"uses" AS u
          WHERE :folded(u.:"customer_address"::text) >= $customer AND :folded(u.:"customer_address"::text) <= $customer
            AND $condition AND :counts(u)
            AND :campaign_of(u.:"promo_code_id") = $campaign
          ORDER BY :folded(u.:"customer_address"::text)
          LIMIT $at_most) AS own)
