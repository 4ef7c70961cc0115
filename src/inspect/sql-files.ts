import amendUse from '../../sql/functions/amend_promo_code_use.sql';
import answerRequests from '../../sql/functions/answer_promo_code_requests.sql';
import applyStats from '../../sql/functions/apply_promo_code_stats.sql';
import assignHolds from '../../sql/functions/assign_promo_code_holds.sql';
import confirmUse from '../../sql/functions/confirm_promo_code_use.sql';
import createCodes from '../../sql/functions/create_promo_codes.sql';
import findAsStored from '../../sql/functions/find_promo_code_as_stored.sql';
import guardCounters from '../../sql/functions/guard_promo_code_counters.sql';
import previewCode from '../../sql/functions/preview_promo_code.sql';
import bonusOf from '../../sql/functions/promo_code_bonus.sql';
import fingerprint from '../../sql/functions/promo_code_fingerprint.sql';
import isPercentage from '../../sql/functions/promo_code_is_percentage.sql';
import isText from '../../sql/functions/promo_code_is_text.sql';
import places from '../../sql/functions/promo_code_places.sql';
import useMatches from '../../sql/functions/promo_code_use_matches.sql';
import columnValue from '../../sql/functions/promo_code_value.sql';
import recordUses from '../../sql/functions/record_promo_code_uses.sql';
import recountAtCommit from '../../sql/functions/recount_promo_code_at_commit.sql';
import recountStats from '../../sql/functions/recount_promo_code_stats.sql';
import redeemCode from '../../sql/functions/redeem_promo_code.sql';
import redeemSegment from '../../sql/functions/redeem_promo_code_segment.sql';
import redeemCodes from '../../sql/functions/redeem_promo_codes.sql';
import redeemCodesInOrder from '../../sql/functions/redeem_promo_codes_in_order.sql';
import releaseDueHolds from '../../sql/functions/release_due_promo_code_holds.sql';
import releaseHolds from '../../sql/functions/release_promo_code_holds.sql';
import replaceHolds from '../../sql/functions/replace_promo_code_holds.sql';
import reserveUseIds from '../../sql/functions/reserve_promo_code_use_ids.sql';
import rollbackUse from '../../sql/functions/rollback_promo_code_use.sql';
import onDelete from '../../sql/functions/update_promo_code_stats_on_delete.sql';
import onInsert from '../../sql/functions/update_promo_code_stats_on_insert.sql';
import onTruncate from '../../sql/functions/update_promo_code_stats_on_truncate.sql';
import onUpdate from '../../sql/functions/update_promo_code_stats_on_update.sql';
import verifyLimits from '../../sql/functions/verify_promo_code_limits.sql';
import waitForCall from '../../sql/functions/wait_for_promo_code_call.sql';
import holds from '../../sql/tables/promo_code_holds.sql';
import idempotencyKeys from '../../sql/tables/promo_code_idempotency_keys.sql';
import rateLimits from '../../sql/tables/promo_code_rate_limits.sql';
import counters from '../../sql/triggers/counters.sql';
import countersAllow from '../../sql/triggers/counters-allow.sql';
import countersGuarded from '../../sql/triggers/counters-guarded.sql';
import limitsRow from '../../sql/triggers/limits-row.sql';
import limitsStatement from '../../sql/triggers/limits-statement.sql';
import recount from '../../sql/triggers/recount.sql';
import row from '../../sql/triggers/row.sql';
import statement from '../../sql/triggers/statement.sql';
import truncate from '../../sql/triggers/truncate.sql';
import { withRules } from '../host/rules.js';

/** In the order of creation: what is called comes before what calls it. Rules stand in them as plain SQL. */
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
  reserveUseIds,
  columnValue,
  isText,
  places,
  isPercentage,
  bonusOf,
  useMatches,
  findAsStored,
  fingerprint,
  recordUses,
  releaseHolds,
  releaseDueHolds,
  answerRequests,
  assignHolds,
  replaceHolds,
  redeemSegment,
  redeemCodesInOrder,
  waitForCall,
  redeemCodes,
  redeemCode,
  rollbackUse,
  amendUse,
  confirmUse,
  previewCode,
  createCodes,
].map(withRules);

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

/** The library's own tables, by name. They come before the functions, and stay when those are removed. */
export const tableFiles = {
  promo_code_idempotency_keys: idempotencyKeys,
  promo_code_holds: holds,
  promo_code_rate_limits: rateLimits,
} as const;
