import applyStats from '../../sql/functions/apply_promo_code_stats.sql';
import guardCounters from '../../sql/functions/guard_promo_code_counters.sql';
import recountAtCommit from '../../sql/functions/recount_promo_code_at_commit.sql';
import recountStats from '../../sql/functions/recount_promo_code_stats.sql';
import onDelete from '../../sql/functions/update_promo_code_stats_on_delete.sql';
import onInsert from '../../sql/functions/update_promo_code_stats_on_insert.sql';
import onTruncate from '../../sql/functions/update_promo_code_stats_on_truncate.sql';
import onUpdate from '../../sql/functions/update_promo_code_stats_on_update.sql';
import verifyLimits from '../../sql/functions/verify_promo_code_limits.sql';
import counters from '../../sql/triggers/counters.sql';
import countersAllow from '../../sql/triggers/counters-allow.sql';
import countersGuarded from '../../sql/triggers/counters-guarded.sql';
import limitsRow from '../../sql/triggers/limits-row.sql';
import limitsStatement from '../../sql/triggers/limits-statement.sql';
import recount from '../../sql/triggers/recount.sql';
import row from '../../sql/triggers/row.sql';
import statement from '../../sql/triggers/statement.sql';
import truncate from '../../sql/triggers/truncate.sql';

/** In the order of creation: what is called comes before what calls it. */
export const functionFiles = [
  recountStats,
  applyStats,
  onInsert,
  onDelete,
  onUpdate,
  onTruncate,
  recountAtCommit,
  guardCounters,
  verifyLimits,
] as const;

export const triggerFiles = {
  statement,
  row,
  truncate,
  counters,
  recount,
  countersAllow,
  countersGuarded,
  limitsStatement,
  limitsRow,
} as const;
