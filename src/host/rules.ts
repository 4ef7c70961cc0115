import addToCampaign from '../../sql/rules/add_to_campaign.sql';
import addToCampaigns from '../../sql/rules/add_to_campaigns.sql';
import added from '../../sql/rules/added.sql';
import asShown from '../../sql/rules/as_shown.sql';
import askedCode from '../../sql/rules/asked_code.sql';
import askedCustomer from '../../sql/rules/asked_customer.sql';
import bonus from '../../sql/rules/bonus.sql';
import bonusCounted from '../../sql/rules/bonus_counted.sql';
import bonusPaid from '../../sql/rules/bonus_paid.sql';
import boundCustomer from '../../sql/rules/bound_customer.sql';
import budgetCaps from '../../sql/rules/budget_caps.sql';
import budgetLeft from '../../sql/rules/budget_left.sql';
import byRow from '../../sql/rules/by_row.sql';
import callLock from '../../sql/rules/call_lock.sql';
import campaignBudgetLeft from '../../sql/rules/campaign_budget_left.sql';
import campaignCap from '../../sql/rules/campaign_cap.sql';
import campaignCaps from '../../sql/rules/campaign_caps.sql';
import campaignCustomerUses from '../../sql/rules/campaign_customer_uses.sql';
import campaignOf from '../../sql/rules/campaign_of.sql';
import campaignRefusal from '../../sql/rules/campaign_refusal.sql';
import campaignRefusedRequests from '../../sql/rules/campaign_refused_requests.sql';
import campaignRoom from '../../sql/rules/campaign_room.sql';
import codeBucket from '../../sql/rules/code_bucket.sql';
import codeId from '../../sql/rules/code_id.sql';
import codeIs from '../../sql/rules/code_is.sql';
import codeRefusal from '../../sql/rules/code_refusal.sql';
import codeState from '../../sql/rules/code_state.sql';
import collatedCustomer from '../../sql/rules/collated_customer.sql';
import columnLevels from '../../sql/rules/column_levels.sql';
import counterScale from '../../sql/rules/counter_scale.sql';
import counts from '../../sql/rules/counts.sql';
import customer from '../../sql/rules/customer.sql';
import customerUses from '../../sql/rules/customer_uses.sql';
import decidedRequests from '../../sql/rules/decided_requests.sql';
import describedColumns from '../../sql/rules/described_columns.sql';
import differs from '../../sql/rules/differs.sql';
import endedMonths from '../../sql/rules/ended_months.sql';
import filledByTriggers from '../../sql/rules/filled_by_triggers.sql';
import findCampaigns from '../../sql/rules/find_campaigns.sql';
import finiteBonus from '../../sql/rules/finite_bonus.sql';
import firstCode from '../../sql/rules/first_code.sql';
import fitsBudget from '../../sql/rules/fits_budget.sql';
import folded from '../../sql/rules/folded.sql';
import hasCampaigns from '../../sql/rules/has_campaigns.sql';
import hasRules from '../../sql/rules/has_rules.sql';
import historyColumns from '../../sql/rules/history_columns.sql';
import historySetting from '../../sql/rules/history_setting.sql';
import historyShop from '../../sql/rules/history_shop.sql';
import historyState from '../../sql/rules/history_state.sql';
import historyValues from '../../sql/rules/history_values.sql';
import holdIsDue from '../../sql/rules/hold_is_due.sql';
import insertUses from '../../sql/rules/insert_uses.sql';
import installedPlace from '../../sql/rules/installed_place.sql';
import isBelow from '../../sql/rules/is_below.sql';
import isByStatement from '../../sql/rules/is_by_statement.sql';
import isFor from '../../sql/rules/is_for.sql';
import isLimit from '../../sql/rules/is_limit.sql';
import isOfHistory from '../../sql/rules/is_of_history.sql';
import isOwnTable from '../../sql/rules/is_own_table.sql';
import isReferencing from '../../sql/rules/is_referencing.sql';
import isReserved from '../../sql/rules/is_reserved.sql';
import isUseOf from '../../sql/rules/is_use_of.sql';
import isUseOfHold from '../../sql/rules/is_use_of_hold.sql';
import knownRequests from '../../sql/rules/known_requests.sql';
import lastCode from '../../sql/rules/last_code.sql';
import leaveDetached from '../../sql/rules/leave_detached.sql';
import limitWait from '../../sql/rules/limit_wait.sql';
import lockClass from '../../sql/rules/lock_class.sql';
import mark from '../../sql/rules/mark.sql';
import mayBeAdded from '../../sql/rules/may_be_added.sql';
import newExpiry from '../../sql/rules/new_expiry.sql';
import notePartition from '../../sql/rules/note_partition.sql';
import pastLimit from '../../sql/rules/past_limit.sql';
import recordChangedUses from '../../sql/rules/record_changed_uses.sql';
import recordGoneUses from '../../sql/rules/record_gone_uses.sql';
import recordHolds from '../../sql/rules/record_holds.sql';
import recordNewUses from '../../sql/rules/record_new_uses.sql';
import recordUses from '../../sql/rules/record_uses.sql';
import releasedAs from '../../sql/rules/released_as.sql';
import requestedUses from '../../sql/rules/requested_uses.sql';
import requireFreeIds from '../../sql/rules/require_free_ids.sql';
import reserveUses from '../../sql/rules/reserve_uses.sql';
import room from '../../sql/rules/room.sql';
import setStamp from '../../sql/rules/set_stamp.sql';
import stamp from '../../sql/rules/stamp.sql';
import takeBack from '../../sql/rules/take_back.sql';
import takeKeys from '../../sql/rules/take_keys.sql';
import trustedOwner from '../../sql/rules/trusted_owner.sql';
import useColumns from '../../sql/rules/use_columns.sql';
import useTexts from '../../sql/rules/use_texts.sql';
import useValues from '../../sql/rules/use_values.sql';
import usedUp from '../../sql/rules/used_up.sql';
import usesCounted from '../../sql/rules/uses_counted.sql';
import { expandRules, readRules } from '../postgres/sql-text.js';

/** A rule comes before those that use it. */
const rules = readRules([
  counts,
  customer,
  folded,
  collatedCustomer,
  askedCustomer,
  askedCode,
  stamp,
  setStamp,
  codeBucket,
  lockClass,
  finiteBonus,
  byRow,
  notePartition,
  isByStatement,
  leaveDetached,
  firstCode,
  lastCode,
  usesCounted,
  bonusCounted,
  differs,
  endedMonths,
  added,
  mayBeAdded,
  campaignOf,
  hasCampaigns,
  findCampaigns,
  addToCampaign,
  addToCampaigns,
  isReferencing,
  counterScale,
  asShown,
  codeIs,
  codeId,
  codeRefusal,
  codeState,
  isLimit,
  pastLimit,
  limitWait,
  room,
  customerUses,
  bonus,
  hasRules,
  boundCustomer,
  isFor,
  isBelow,
  budgetLeft,
  budgetCaps,
  fitsBudget,
  bonusPaid,
  campaignRefusal,
  campaignRoom,
  campaignBudgetLeft,
  campaignCaps,
  campaignCap,
  campaignCustomerUses,
  isUseOf,
  isUseOfHold,
  holdIsDue,
  useColumns,
  useValues,
  requestedUses,
  insertUses,
  requireFreeIds,
  recordUses,
  recordHolds,
  reserveUses,
  takeBack,
  takeKeys,
  useTexts,
  usedUp,
  newExpiry,
  callLock,
  knownRequests,
  campaignRefusedRequests,
  decidedRequests,
  installedPlace,
  columnLevels,
  filledByTriggers,
  describedColumns,
  trustedOwner,
  isOwnTable,
  isOfHistory,
  mark,
  historySetting,
  historyShop,
  historyState,
  historyColumns,
  historyValues,
  isReserved,
  releasedAs,
  recordNewUses,
  recordGoneUses,
  recordChangedUses,
]);

/** A file of `sql/` with the text of its rules in their places. */
export function withRules(file: string): string {
  return expandRules(file, rules);
}
