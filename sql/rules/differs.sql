-- differs(code, uses, bonus): whether a counter of a code is not what it should be; a counter that is NULL is not.
(/*if times_used*/ $code.:"times_used"::numeric IS DISTINCT FROM ($uses)::numeric /*fi*/
/*if times_used and total_bonus_issued*/ OR /*fi*/
/*if total_bonus_issued*/ $code.:"total_bonus_issued"::numeric IS DISTINCT FROM ($bonus) /*fi*/)
