-- finite_bonus(use): the bonus of a use that is there. An amount that is not finite can only date from a time without the
-- triggers, and counts as zero.
CASE WHEN $use.:"bonus_amount"::numeric > '-Infinity'::numeric AND $use.:"bonus_amount"::numeric < 'Infinity'::numeric
THEN $use.:"bonus_amount"::numeric ELSE 0::numeric END
