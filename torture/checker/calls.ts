import type { ProcessEnd } from '../clients.js';
import type { Call, CallKind } from '../log.js';
import { RECOVERY_MS, SLACK_MS } from '../settings.js';
import type { Evidence } from './evidence.js';

/** Every call of a process that was not killed is settled, within its deadline. */
export function checkSettled(evidence: Evidence, ends: readonly ProcessEnd[]): void {
  for (const { name, at, how, detail } of ends) {
    if (how === 'died') {
      evidence.violations.push({
        rule: 'process_died',
        message: `Process ${name}: ${detail}`,
        calls: [],
        rows: [],
        at,
      });
    }
  }
  const ended = new Set(ends.map(({ name }) => name));
  for (const call of evidence.history.calls.values()) {
    if (call.end === undefined) {
      if (!ended.has(call.process))
        evidence.report('unsettled', `The call ${call.id} (${call.kind}) never ended`, [call]);
    } else if (call.end - call.begin > call.limitMs + SLACK_MS + (call.stoodMs ?? 0)) {
      const message =
        `The call ${call.id} (${call.kind}) took ${call.end - call.begin} ms, its limit is ${call.limitMs} ms, ` +
        `and its process stood still for ${call.stoodMs ?? 0} ms`;
      evidence.report('late', message, [call]);
    }
  }
}

const READING: readonly CallKind[] = [
  'validate',
  'findById',
  'list',
  'usesByCode',
  'usesByCustomer',
  'usageStats',
  'checkDrift',
];

/** A read, and a call in a transaction of the host that was never committed, have no effect that could be in doubt. */
export function checkDoubt(evidence: Evidence): void {
  for (const call of evidence.history.calls.values()) {
    if (call.error?.code !== 'OUTCOME_UNKNOWN' || (call.tx === undefined && !READING.includes(call.kind))) continue;
    const where = call.tx === undefined ? 'reads only' : `was a part of ${call.tx}, which was rolled back`;
    evidence.report('needless_doubt', `The call ${call.id} (${call.kind}) ${where}`, [call]);
  }
}

/** Each process that came to its end redeems within two seconds after the last fault. */
export function checkRecovery(evidence: Evidence, lastFault: number): Map<string, number> {
  const first = new Map<string, number>();
  for (const call of evidence.history.calls.values()) {
    if (call.begin < lastFault || !isRedeemed(call) || call.tx !== undefined) continue;
    const earlier = first.get(call.process) ?? Number.POSITIVE_INFINITY;
    if (call.end! < earlier) first.set(call.process, call.end!);
  }
  for (const process of evidence.history.stopped) {
    const tookMs = (first.get(process) ?? Number.POSITIVE_INFINITY) - lastFault;
    if (tookMs <= RECOVERY_MS) continue;
    const took = Number.isFinite(tookMs) ? `only after ${tookMs} ms` : 'not any more';
    evidence.violations.push({
      rule: 'slow_recovery',
      message: `Process ${process} redeemed ${took} after the last fault`,
      calls: [],
      rows: [],
      at: lastFault,
    });
  }
  return new Map([...first].map(([process, at]) => [process, at - lastFault]));
}

function isRedeemed({ kind, result }: Call): boolean {
  return ['redeem', 'redeemMany', 'reserve'].includes(kind) && (result?.answers?.some(({ ok }) => ok) ?? false);
}
