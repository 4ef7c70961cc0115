import type { Call } from '../log.js';
import type { AcknowledgedUse, Evidence } from './evidence.js';

/** Activations leave no mark: any call of the kind that the code's state speaks of may have been the last one. */
export function checkActivations(evidence: Evidence): void {
  for (const row of evidence.rows.codes) {
    const [same, other] = row.isActive ? (['activate', 'deactivate'] as const) : (['deactivate', 'activate'] as const);
    const supporting = evidence.possible(evidence.onCode(row.id, same));
    const settled = Math.max(...supporting.map((call) => evidence.settledAt(call)));
    const overtaking = evidence.done(evidence.onCode(row.id, other)).filter(({ begin }) => begin > settled);
    if (supporting.length === 0 && !row.isActive) {
      const failed = evidence.onCode(row.id, same);
      const rule = failed.length > 0 ? 'definite_error_with_effect' : 'unasked';
      evidence.report(rule, `The code ${row.code} was deactivated, and no call says that it may have done it`, failed, [
        row,
      ]);
    } else if (overtaking.length > 0) {
      const rule = supporting.length > 0 ? 'late_twin' : 'lost_acknowledgement';
      const later = overtaking.map(({ id }) => id).join(', ');
      const message = `The code ${row.code} is ${row.isActive ? 'active' : 'inactive'}, although ${later} came later`;
      evidence.report(rule, message, [...supporting, ...overtaking], [row]);
    }
  }
}

/** After a deactivation has been acknowledged, nobody redeems the code until it is activated again. */
export function checkInactive(evidence: Evidence): void {
  const redeemed = new Map<string, { call: Call; useId: string }[]>();
  for (const [useId, told] of evidence.acknowledged) {
    const [{ call, use, request }] = told as [AcknowledgedUse, ...AcknowledgedUse[]];
    // One that other calls have sent as well may have been made earlier, by any of them.
    if (evidence.requests.get(request.origin)!.calls.length > 1 || call.tx !== undefined) continue;
    redeemed.set(use.codeId, [...(redeemed.get(use.codeId) ?? []), { call, useId }]);
  }
  for (const [codeId, uses] of redeemed) {
    const deactivations = evidence.done(evidence.onCode(codeId, 'deactivate'));
    const activations = evidence.possible(evidence.onCode(codeId, 'activate'));
    for (const { call, useId } of uses) {
      const before = deactivations.filter(
        (off) =>
          evidence.settledAt(off) < call.begin &&
          activations.every((on) => evidence.settledAt(on) < off.begin || on.begin > call.end!),
      );
      if (before.length === 0) continue;
      const message = `The use ${useId} was made although ${before.map(({ id }) => id).join(', ')} had deactivated its code`;
      evidence.report('used_while_inactive', message, [...before, call]);
    }
  }
}
