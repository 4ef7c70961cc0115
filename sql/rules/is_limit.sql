-- is_limit(outcome): whether a limit refused the request.
$outcome IN ('usage_limit_reached', 'customer_limit_reached')
