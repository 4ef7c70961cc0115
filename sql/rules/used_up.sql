-- used_up(request, code_id): the answer to a request for a code that has no use left, as answer_promo_code_requests gives it.
ARRAY[$request::text, 'usage_limit_reached', NULL, $code_id::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL]
