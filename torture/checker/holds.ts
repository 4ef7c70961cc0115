import { type AcknowledgedUse, type Evidence, foldCustomer, nameOf, originOf } from './evidence.js';
import type { HoldRow } from './rows.js';

/** What the time of a statement may add. */
const GRACE_MS = 1_000;

/**
 * Every hold was confirmed, released after its time, replaced by a redemption of the same customer, rolled back, or is
 * pending with time left.
 */
export function checkHolds(evidence: Evidence, dueWereReleased: boolean): void {
  const wanted = wantedHolds(evidence);
  for (const hold of evidence.holds.values()) checkHold(evidence, hold, wanted, dueWereReleased);
  for (const row of evidence.rows.uses) {
    const sent = evidence.requests.get(originOf(row.transaction));
    if (sent?.request.ttlSeconds === undefined || evidence.holds.has(row.id)) continue;
    const confirmations = evidence.onUse(row.id, 'confirm');
    if (evidence.possible(confirmations).length > 0) continue;
    const calls = [...sent.calls.map(({ call }) => call), ...confirmations];
    const failed = confirmations.filter(({ error }) => error);
    if (failed.length > 0) {
      const what = failed.map(({ error }) => error!.code).join(', ');
      evidence.report(
        'definite_error_with_effect',
        `The hold ${row.id} was confirmed, and who may have done it says no (${what})`,
        calls,
        [row],
      );
    } else
      evidence.report('hold_unaccounted', `The use ${row.id} was reserved, never confirmed, and is no hold`, calls, [
        row,
      ]);
  }
  for (const [useId, told] of evidence.acknowledged) checkReserved(evidence, useId, told[0]!);
}

function wantedHolds(evidence: Evidence): { reserved: Set<string>; redeemed: Map<string, number> } {
  const reserved = new Set<string>();
  const redeemed = new Map<string, number>();
  for (const { request, calls } of evidence.requests.values()) {
    if (evidence.possible(calls.map(({ call }) => call)).length === 0) continue;
    const who = `${nameOf(request.shop, request.code)} ${foldCustomer(request.customer)}`;
    redeemed.set(who, (redeemed.get(who) ?? 0) + 1);
    if (request.ttlSeconds !== undefined) reserved.add(who);
  }
  return { reserved, redeemed };
}

function checkHold(
  evidence: Evidence,
  hold: HoldRow,
  { reserved, redeemed }: ReturnType<typeof wantedHolds>,
  dueWereReleased: boolean,
): void {
  const use = evidence.usesById.get(hold.useId);
  const confirmed = evidence.done(evidence.onUse(hold.useId, 'confirm'));
  const isCodeGone = !evidence.codes.has(hold.codeId);
  const calls = evidence.acknowledged.get(hold.useId)?.map(({ call }) => call) ?? [];
  const wrong = (message: string) =>
    evidence.report(
      'hold_unaccounted',
      `The hold ${hold.useId} ${message}`,
      [...calls, ...confirmed],
      [hold, ...(use ? [use] : [])],
    );

  const name = evidence.codeNames.get(hold.codeId);
  const who = `${name} ${foldCustomer(hold.customer)}`;
  if (name !== undefined && !reserved.has(who)) {
    evidence.report('unasked', `No call asked for the hold ${hold.useId}`, calls, [hold]);
    return;
  }
  if (confirmed.length > 0) wrong(`was confirmed, and is ${hold.releasedAs ?? 'pending'}`);
  if (hold.releasedAt === null) {
    if (!use && !isCodeGone) wrong('is pending, and its use is gone');
    if (use && dueWereReleased && hold.expiresAt + GRACE_MS < evidence.rows.now) wrong('is due and was not released');
    return;
  }
  if (use) wrong('was released, and its use is there');
  if (hold.releasedAs === 'expired' && hold.releasedAt < hold.expiresAt) wrong('was released before its time');
  if (hold.releasedAs === 'replaced' && name !== undefined && (redeemed.get(who) ?? 0) < 2)
    wrong('was replaced by nobody');
}

/** A hold that is gone without a trace, or has other times than it was given. */
function checkReserved(evidence: Evidence, useId: string, { call, request, expiresAt, use }: AcknowledgedUse): void {
  if (request.ttlSeconds === undefined) return;
  const hold = evidence.holds.get(useId);
  if (hold) {
    if (expiresAt !== undefined && Math.abs(expiresAt - hold.expiresAt) > 2) {
      evidence.report('wrong_values', `The hold ${useId} has another time than was answered`, [call], [hold]);
    }
    return;
  }
  if (evidence.usesById.has(useId)) return;
  const rollbacks = evidence.possible(evidence.onUse(useId, 'rollbackUse'));
  const deletions = evidence.possible(evidence.onCode(use.codeId, 'delete'));
  if (rollbacks.length > 0 || deletions.length > 0 || !evidence.codes.has(use.codeId)) return;
  evidence.report('hold_unaccounted', `The hold ${useId} is gone without a trace`, [call]);
}
