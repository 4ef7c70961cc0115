import applyCampaignStats from '../../sql/campaigns/apply_promo_code_campaign_stats.sql';
import campaignsOfCodes from '../../sql/campaigns/codes.sql';
import guardCampaigns from '../../sql/campaigns/guard_promo_code_campaign_counters.sql';
import leaveCampaign from '../../sql/campaigns/leave_promo_code_campaign.sql';
import leaveCampaignAtCommit from '../../sql/campaigns/leave_promo_code_campaign_at_commit.sql';
import campaignIsVisible from '../../sql/campaigns/promo_code_campaign_is_visible.sql';
import protectCampaigns from '../../sql/campaigns/protect_promo_code_campaigns.sql';
import recountCampaign from '../../sql/campaigns/recount_promo_code_campaign_stats.sql';
import releaseCampaignHolds from '../../sql/campaigns/release_promo_code_campaign_holds.sql';
import updateCampaignStats from '../../sql/campaigns/update_promo_code_campaign_stats.sql';
import verifyCampaignLimits from '../../sql/campaigns/verify_promo_code_campaign_limits.sql';
import createCodes from '../../sql/codes/create_promo_codes.sql';
import applyStats from '../../sql/counting/apply_promo_code_stats.sql';
import counters from '../../sql/counting/counters.sql';
import countersAllow from '../../sql/counting/counters-allow.sql';
import countersGuarded from '../../sql/counting/counters-guarded.sql';
import guardCounters from '../../sql/counting/guard_promo_code_counters.sql';
import limitsRow from '../../sql/counting/limits-row.sql';
import limitsStatement from '../../sql/counting/limits-statement.sql';
import keepsZone from '../../sql/counting/promo_code_keeps_zone.sql';
import useIsCountedByRow from '../../sql/counting/promo_code_use_is_counted_by_row.sql';
import recount from '../../sql/counting/recount.sql';
import recountAtCommit from '../../sql/counting/recount_promo_code_at_commit.sql';
import recountStats from '../../sql/counting/recount_promo_code_stats.sql';
import row from '../../sql/counting/row.sql';
import statement from '../../sql/counting/statement.sql';
import truncate from '../../sql/counting/truncate.sql';
import onCarry from '../../sql/counting/update_promo_code_stats_on_carry.sql';
import onDelete from '../../sql/counting/update_promo_code_stats_on_delete.sql';
import onInsert from '../../sql/counting/update_promo_code_stats_on_insert.sql';
import onTruncate from '../../sql/counting/update_promo_code_stats_on_truncate.sql';
import onUpdate from '../../sql/counting/update_promo_code_stats_on_update.sql';
import verifyLimits from '../../sql/counting/verify_promo_code_limits.sql';
import dropHistory from '../../sql/history/drop_promo_code_history.sql';
import eraseCustomer from '../../sql/history/erase_promo_code_customer.sql';
import guardHistory from '../../sql/history/guard_promo_code_history.sql';
import prepareHistory from '../../sql/history/prepare_promo_code_history.sql';
import historyOnDelete from '../../sql/history/record_promo_code_history_on_delete.sql';
import historyOnInsert from '../../sql/history/record_promo_code_history_on_insert.sql';
import historyOnTruncate from '../../sql/history/record_promo_code_history_on_truncate.sql';
import historyOnUpdate from '../../sql/history/record_promo_code_history_on_update.sql';
import historyRow from '../../sql/history/row.sql';
import historyStatement from '../../sql/history/statement.sql';
import historyTruncate from '../../sql/history/truncate.sql';
import clock from '../../sql/installation/promo_code_clock.sql';
import installation from '../../sql/installation/promo_code_installation.sql';
import amendUse from '../../sql/redemption/amend_promo_code_use.sql';
import answerRequests from '../../sql/redemption/answer_promo_code_requests.sql';
import assignHolds from '../../sql/redemption/assign_promo_code_holds.sql';
import confirmUse from '../../sql/redemption/confirm_promo_code_use.sql';
import findAsStored from '../../sql/redemption/find_promo_code_as_stored.sql';
import previewCodes from '../../sql/redemption/preview_promo_codes.sql';
import bonusOf from '../../sql/redemption/promo_code_bonus.sql';
import fingerprint from '../../sql/redemption/promo_code_fingerprint.sql';
import idsMayRepeat from '../../sql/redemption/promo_code_ids_may_repeat.sql';
import isPercentage from '../../sql/redemption/promo_code_is_percentage.sql';
import isText from '../../sql/redemption/promo_code_is_text.sql';
import isVisible from '../../sql/redemption/promo_code_is_visible.sql';
import places from '../../sql/redemption/promo_code_places.sql';
import usesAreByTime from '../../sql/redemption/promo_code_uses_are_by_time.sql';
import columnValue from '../../sql/redemption/promo_code_value.sql';
import recordUses from '../../sql/redemption/record_promo_code_uses.sql';
import recordUsesWithColumns from '../../sql/redemption/record_promo_code_uses_with_columns.sql';
import redeemCode from '../../sql/redemption/redeem_promo_code.sql';
import redeemSegment from '../../sql/redemption/redeem_promo_code_segment.sql';
import redeemCodes from '../../sql/redemption/redeem_promo_codes.sql';
import redeemCodesInOrder from '../../sql/redemption/redeem_promo_codes_in_order.sql';
import releaseDueHolds from '../../sql/redemption/release_due_promo_code_holds.sql';
import releaseHolds from '../../sql/redemption/release_promo_code_holds.sql';
import replaceHolds from '../../sql/redemption/replace_promo_code_holds.sql';
import reserveUseIds from '../../sql/redemption/reserve_promo_code_use_ids.sql';
import rollbackUse from '../../sql/redemption/rollback_promo_code_use.sql';
import waitForCall from '../../sql/redemption/wait_for_promo_code_call.sql';
import archivedUses from '../../sql/tables/promo_code_archived_uses.sql';
import campaignCodes from '../../sql/tables/promo_code_campaign_codes.sql';
import campaigns from '../../sql/tables/promo_code_campaigns.sql';
import carriedCustomers from '../../sql/tables/promo_code_carried_customers.sql';
import carriedTotals from '../../sql/tables/promo_code_carried_totals.sql';
import driftChecks from '../../sql/tables/promo_code_drift_checks.sql';
import history from '../../sql/tables/promo_code_history.sql';
import holds from '../../sql/tables/promo_code_holds.sql';
import idempotencyKeys from '../../sql/tables/promo_code_idempotency_keys.sql';
import rateLimits from '../../sql/tables/promo_code_rate_limits.sql';
import { withRules } from '../host/rules.js';

/** In the order of creation: what is called comes before what calls it. Rules stand in them as plain SQL. */
export const functionFiles = [
  installation,
  clock,
  isVisible,
  keepsZone,
  campaignIsVisible,
  recountStats,
  applyStats,
  applyCampaignStats,
  useIsCountedByRow,
  onInsert,
  onDelete,
  onUpdate,
  onTruncate,
  onCarry,
  recountAtCommit,
  guardCounters,
  verifyLimits,
  verifyCampaignLimits,
  updateCampaignStats,
  leaveCampaign,
  leaveCampaignAtCommit,
  guardCampaigns,
  protectCampaigns,
  recountCampaign,
  reserveUseIds,
  columnValue,
  isText,
  places,
  isPercentage,
  bonusOf,
  findAsStored,
  fingerprint,
  idsMayRepeat,
  usesAreByTime,
  recordUsesWithColumns,
  recordUses,
  releaseHolds,
  releaseDueHolds,
  releaseCampaignHolds,
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
  previewCodes,
  createCodes,
  eraseCustomer,
  guardHistory,
  prepareHistory,
  dropHistory,
  historyOnInsert,
  historyOnDelete,
  historyOnUpdate,
  historyOnTruncate,
].map(withRules);

export const triggerFiles = {
  statement,
  row,
  truncate,
  counters,
  recount,
  campaignsOfCodes,
  countersAllow,
  countersGuarded,
  limitsStatement,
  limitsRow,
  historyStatement,
  historyRow,
  historyTruncate,
} as const;

const BY_ROW = '_by_row';

/**
 * Row triggers of a partitioned table beside its statement triggers: they count in partitions that come later, which have clones of
 * them, until those get statement triggers as well and the clones are disabled. The argument tells them from row triggers that
 * stand alone; the name keeps the order in which triggers fire.
 */
export function byRow(file: string): string {
  return file.replace(/(?<=TRIGGER )\w+/g, (name) => `${name}${BY_ROW}`).replaceAll('();', "('by_row');");
}

/** Whether a trigger is one of those. */
export function isByRow({ name }: { name: string }): boolean {
  return name.endsWith(BY_ROW);
}

/** The library's own tables, by name. They come before the functions, and stay when those are removed. */
export const tableFiles = {
  promo_code_idempotency_keys: idempotencyKeys,
  promo_code_holds: holds,
  promo_code_rate_limits: rateLimits,
  promo_code_campaigns: campaigns,
  promo_code_campaign_codes: campaignCodes,
  promo_code_carried_totals: carriedTotals,
  promo_code_carried_customers: carriedCustomers,
  promo_code_archived_uses: archivedUses,
  promo_code_history: history,
  promo_code_drift_checks: driftChecks,
} as const;
