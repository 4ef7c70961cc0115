import askedCode from '../../sql/rules/asked_code.sql';
import askedCustomer from '../../sql/rules/asked_customer.sql';
import bonus from '../../sql/rules/bonus.sql';
import callLock from '../../sql/rules/call_lock.sql';
import codeId from '../../sql/rules/code_id.sql';
import codeIs from '../../sql/rules/code_is.sql';
import codeRefusal from '../../sql/rules/code_refusal.sql';
import codeState from '../../sql/rules/code_state.sql';
import collatedCustomer from '../../sql/rules/collated_customer.sql';
import customerUses from '../../sql/rules/customer_uses.sql';
import decidedRequests from '../../sql/rules/decided_requests.sql';
import folded from '../../sql/rules/folded.sql';
import holdIsDue from '../../sql/rules/hold_is_due.sql';
import insertUses from '../../sql/rules/insert_uses.sql';
import isLimit from '../../sql/rules/is_limit.sql';
import isUseOf from '../../sql/rules/is_use_of.sql';
import isUseOfHold from '../../sql/rules/is_use_of_hold.sql';
import knownRequests from '../../sql/rules/known_requests.sql';
import newExpiry from '../../sql/rules/new_expiry.sql';
import recordHolds from '../../sql/rules/record_holds.sql';
import recordUses from '../../sql/rules/record_uses.sql';
import room from '../../sql/rules/room.sql';
import takeKeys from '../../sql/rules/take_keys.sql';
import useTexts from '../../sql/rules/use_texts.sql';
import { expandRules, readRules } from '../postgres/sql-text.js';

/** A rule comes before those that use it. */
const rules = readRules([
  folded,
  collatedCustomer,
  askedCustomer,
  askedCode,
  codeIs,
  codeId,
  codeRefusal,
  codeState,
  room,
  customerUses,
  bonus,
  isUseOf,
  isUseOfHold,
  holdIsDue,
  insertUses,
  recordUses,
  recordHolds,
  takeKeys,
  useTexts,
  newExpiry,
  callLock,
  isLimit,
  knownRequests,
  decidedRequests,
]);

/** A file of `sql/` with the text of its rules in their places. */
export function withRules(file: string): string {
  return expandRules(file, rules);
}
