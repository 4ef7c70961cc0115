-- as_shown(amount): a sum with the decimal places of the counter (counter_scale, as shown), if it has less: 5.00, not 5 or 0.
CASE WHEN scale($amount) < shown.scale THEN round($amount, shown.scale) ELSE $amount END
