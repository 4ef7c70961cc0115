-- code_refusal(start_moment, end_moment): why c cannot be redeemed at this moment, or NULL. The moments are the present at
-- the precision of the columns of the dates, where a date means its whole day; now() calls no code open that is closed.
CASE WHEN c.is_active IS NOT TRUE THEN 'inactive'
     WHEN c.start_date::timestamptz > $start_moment THEN 'not_started'
     WHEN c.end_date::timestamptz < $end_moment THEN 'expired' END
