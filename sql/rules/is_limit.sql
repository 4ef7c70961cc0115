-- is_limit(outcome): whether a limit or the budget refused the request.
$outcome IN ('usage_limit_reached', 'customer_limit_reached', 'budget_exhausted')
