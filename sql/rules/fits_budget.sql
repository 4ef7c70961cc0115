-- fits_budget(bonus, left): whether a bonus can be paid in full. Where there is nothing to pay, it can, whatever is left.
coalesce($bonus <= 0::numeric OR $bonus <= $left, true)
