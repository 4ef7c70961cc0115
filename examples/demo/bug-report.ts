/** The query by which the original bug report verifies its fix, word for word; it should return no rows. */
export const VERIFICATION_QUERY = `
  SELECT pc.id, pc.code, pc.times_used, pc.total_bonus_issued,
         COALESCE(stats.actual_uses, 0) as actual_uses,
         COALESCE(stats.actual_bonus, 0) as actual_bonus
  FROM promo_codes pc
  LEFT JOIN (
    SELECT promo_code_id, COUNT(*) as actual_uses, SUM(bonus_amount) as actual_bonus
    FROM promo_code_uses GROUP BY promo_code_id
  ) stats ON pc.id = stats.promo_code_id
  WHERE pc.times_used != COALESCE(stats.actual_uses, 0)
     OR pc.total_bonus_issued != COALESCE(stats.actual_bonus, 0)`;

/** Its query for the triggers, and what it says should be shown. */
export const TRIGGER_QUERY = `
  SELECT tgname, tgtype FROM pg_trigger
  WHERE tgname LIKE 'promo_code_uses%'`;
export const TRIGGER_NAMES = ['promo_code_uses_delete_trigger', 'promo_code_uses_insert_trigger'];
