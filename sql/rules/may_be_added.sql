-- may_be_added(code, bonus): whether adding is all that there is to do: the counters are not below zero, and the total holds
-- the bonus.
$bonus >= 0::numeric AND $bonus < 'Infinity'::numeric
/*if times_used*/
AND coalesce($code.:"times_used"::bigint, 0::bigint) >= 0::bigint
/*fi*/
/*if total_bonus_issued*/
AND coalesce($code.:"total_bonus_issued"::numeric, 0::numeric) >= 0::numeric
AND scale(trim_scale($bonus)) <= scale($code.:"total_bonus_issued"::numeric)
/*fi*/
