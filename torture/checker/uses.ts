import type { HostCode } from '../host.js';
import type { Call } from '../log.js';
import { type AcknowledgedUse, type Evidence, foldCustomer, nameOf, originOf, type SentRequest } from './evidence.js';
import type { UseRow } from './rows.js';

/** Every acknowledged use is there once with the right values, and nothing is there that nobody asked for. */
export function checkUses(evidence: Evidence, hostCodes: readonly HostCode[]): void {
  const bonuses = new Bonuses(evidence, hostCodes);
  for (const row of evidence.rows.uses) checkRow(evidence, bonuses, row);
  for (const [origin, rows] of evidence.usesByOrigin) {
    if (rows.length < 2) continue;
    const calls = evidence.requests.get(origin)?.calls.map(({ call }) => call) ?? [];
    evidence.report('duplicate_use', `The request ${origin} has ${rows.length} uses`, calls, rows);
  }
  for (const [useId, told] of evidence.acknowledged) checkAcknowledged(evidence, useId, told);
  for (const sent of evidence.requests.values()) checkAnswers(evidence, sent);
}

function checkRow(evidence: Evidence, bonuses: Bonuses, row: UseRow): void {
  const origin = originOf(row.transaction);
  const sent = evidence.requests.get(origin);
  if (!sent) {
    evidence.report('unasked', `No call asked for the use ${row.id} (${row.transaction})`, [], [row]);
    return;
  }
  const calls = sent.calls.map(({ call }) => call);
  if (!sent.calls.some(({ call, place }) => mayHaveMade(evidence, call, place, row.id))) {
    const what = calls.map(({ kind, error }) => `${kind}: ${error?.code ?? 'refused'}`).join(', ');
    evidence.report(
      'definite_error_with_effect',
      `No call says that it may have made the use ${row.id} (${what})`,
      calls,
      [row],
    );
  }
  const { request } = sent;
  const isRight =
    foldCustomer(row.customer) === foldCustomer(request.customer) &&
    row.shop === request.shop &&
    evidence.codeNames.get(row.codeId) === nameOf(request.shop, request.code) &&
    cents(row.total) === cents(row.base) + cents(row.bonus);
  const amended = evidence.possible(evidence.onUse(row.id, 'amendUse'));
  const isAsAmended = amended.some(({ args }) => args.base === row.base && args.bonus === row.bonus);
  const isAsAsked = row.base === request.base && bonuses.of(row.codeId, request.base).has(cents(row.bonus));
  if (!isRight || !(isAsAmended || isAsAsked)) {
    evidence.report('wrong_values', `The use ${row.id} is not what ${origin} asked for`, [...calls, ...amended], [row]);
  }
}

function mayHaveMade(evidence: Evidence, call: Call, place: number, useId: string): boolean {
  const status = evidence.status(call);
  if (status === 'unknown') {
    // Of a lost COMMIT only those of its requests may be there that were accepted before.
    const answer = call.result?.answers?.[place];
    return answer === undefined || answer.ok;
  }
  return status === 'done' && call.result?.answers?.[place]?.use?.id === useId;
}

function checkAcknowledged(evidence: Evidence, useId: string, told: readonly AcknowledgedUse[]): void {
  const row = evidence.usesById.get(useId);
  const calls = told.map(({ call }) => call);
  const origins = new Set(told.map(({ request }) => request.origin));
  if (row) origins.add(originOf(row.transaction));
  if (origins.size > 1) {
    evidence.report(
      'id_given_twice',
      `The use ${useId} is that of ${[...origins].join(' and ')}`,
      calls,
      row ? [row] : [],
    );
    return;
  }
  const [first] = told as [AcknowledgedUse, ...AcknowledgedUse[]];
  const rollbacks = evidence.onUse(useId, 'rollbackUse');
  const rolledBack = evidence.done(rollbacks).filter(({ result }) => result?.rolledBack);
  if (rolledBack.length > 1) {
    evidence.report('false_answer', `${rolledBack.length} calls took the use ${useId} back`, rolledBack);
  }
  if (row) {
    if (rolledBack.length > 0) {
      evidence.report(
        'lost_acknowledgement',
        `The use ${useId} was taken back and is there`,
        [...calls, ...rolledBack],
        [row],
      );
    }
    checkNotDenied(evidence, row);
    return;
  }
  const hold = evidence.holds.get(useId);
  const isExplained =
    evidence.possible(rollbacks).some(({ result }) => result?.rolledBack !== false) ||
    evidence.possible(evidence.onCode(first.use.codeId, 'delete')).length > 0 ||
    (first.request.ttlSeconds !== undefined && hold?.releasedAt != null);
  if (isExplained) return;
  const denied = evidence.done(rollbacks);
  if (denied.length > 0) {
    const message = `The use ${useId} is gone, and whoever may have taken it back was told that it was not there`;
    evidence.report('false_answer', message, [...calls, ...denied]);
    return;
  }
  const failed = [...rollbacks, ...evidence.onCode(first.use.codeId, 'delete')].filter(({ error }) => error);
  if (failed.length > 0) {
    const what = failed.map(({ kind, error }) => `${kind}: ${error?.code}`).join(', ');
    evidence.report(
      'definite_error_with_effect',
      `The use ${useId} is gone, and who may have done it says no (${what})`,
      [...calls, ...failed],
    );
  } else
    evidence.report(
      'lost_acknowledgement',
      `The use ${useId} was acknowledged and is not there`,
      calls,
      hold ? [hold] : [],
    );
}

/** Nobody may have been told that there is no such use. */
function checkNotDenied(evidence: Evidence, row: UseRow): void {
  const hold = evidence.holds.get(row.id);
  const denied = evidence.onUse(row.id, 'rollbackUse', 'amendUse', 'confirm').filter((call) => {
    if (call.kind === 'rollbackUse') return evidence.status(call) === 'done' && call.result?.rolledBack === false;
    // It may have been gone inside the transaction, which was rolled back with the error.
    if (call.tx !== undefined) return false;
    if (call.error?.code === 'NOT_FOUND') return true;
    return call.error?.code === 'HOLD_EXPIRED' && hold === undefined;
  });
  if (denied.length > 0) {
    evidence.report('false_answer', `The use ${row.id} is there, and was said not to be`, denied, [row]);
  }
}

/** All answers to one request speak of one use, with the values that were asked for. */
function checkAnswers(evidence: Evidence, { request, calls }: SentRequest): void {
  const answered = new Map<string, Call>();
  for (const { call, place } of calls) {
    const use = call.result?.answers?.[place]?.use;
    if (!use || evidence.status(call) !== 'done') continue;
    answered.set(use.id, call);
    if (foldCustomer(use.customer) !== foldCustomer(request.customer) || originOf(use.transaction) !== request.origin) {
      evidence.report('wrong_values', `The call ${call.id} was answered the use of somebody else`, [call]);
    }
  }
  if (answered.size < 2) return;
  const rule = request.key === undefined ? 'duplicate_use' : 'key_with_two_uses';
  evidence.report(rule, `The request ${request.origin} was answered the uses ${[...answered.keys()].join(', ')}`, [
    ...answered.values(),
  ]);
}

/** What the bonus of a code may have been at one moment or another. */
class Bonuses {
  readonly #values = new Map<string, string[]>();
  readonly #evidence: Evidence;

  constructor(evidence: Evidence, hostCodes: readonly HostCode[]) {
    this.#evidence = evidence;
    for (const { code, bonusValue } of hostCodes) this.#values.set(code, [bonusValue]);
    for (const { kind, args } of evidence.history.calls.values()) {
      if (kind === 'create' || kind === 'ensure') this.#values.set(args.code!, [args.bonus!]);
    }
  }

  /** In cents. */
  of(codeId: string, base: string): Set<bigint> {
    const row = this.#evidence.codes.get(codeId);
    if (!row) return new Set();
    const updates = this.#evidence.possible(this.#evidence.onCode(codeId, 'update'));
    const values = [...(this.#values.get(row.code) ?? []), ...updates.map(({ args }) => args.bonus!)];
    return new Set(
      values.map((value) => {
        if (row.bonusType === 'fixed') return cents(value);
        // Half away from zero, to the cent.
        const share = (cents(base) * cents(value) * 2n + 10_000n) / 20_000n;
        const cap = row.maxBonus === null ? share : cents(row.maxBonus);
        return share < cap ? share : cap;
      }),
    );
  }
}

function cents(amount: string): bigint {
  const [whole = '0', part = ''] = amount.split('.');
  return BigInt(whole) * 100n + BigInt(part.padEnd(2, '0').slice(0, 2));
}
