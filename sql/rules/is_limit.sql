-- is_limit(outcome): whether a limit or a budget refused the request, of the code or of its campaign.
$outcome IN ('usage_limit_reached', 'customer_limit_reached', 'budget_exhausted', 'campaign_limit_reached',
             'campaign_customer_limit_reached', 'campaign_budget_exhausted')
