-- bonus_paid(given, base): the bonus of a use of c that is accepted: what is left of a budget that caps, where that is less.
least(:bonus($given, $base), CASE WHEN :budget_caps() THEN greatest(:budget_left(), 0::numeric) END)
