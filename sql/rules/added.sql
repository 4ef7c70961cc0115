-- added(uses, bonus): in an UPDATE of codes c, the counters with so much more. The variable stamp is the present.
/*list*/
/*if times_used*/
:"times_used" = coalesce(c.:"times_used"::bigint, 0::bigint) + $uses,
/*fi*/
/*if total_bonus_issued*/
:"total_bonus_issued" = coalesce(c.:"total_bonus_issued"::numeric, 0::numeric) + $bonus,
/*fi*/
/*if updated_at*/
:"updated_at" = stamp,
/*fi*/
/*end*/
