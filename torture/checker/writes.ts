import type { Call } from '../log.js';
import { type Evidence, markOf } from './evidence.js';

/** Who wrote a value last: a call that left its mark, or nobody since the beginning. */
interface LastWrite {
  what: string;
  /** All calls that wrote it or tried to. */
  writes: readonly Call[];
  /** The one whose mark is there. */
  last: Call | undefined;
  row: unknown;
}

/**
 * Whether the value that is there may be the last one that was written: the call that wrote it may have had its effect, and
 * no call that was acknowledged had begun after that one had been settled.
 */
function checkLastWrite(evidence: Evidence, { what, writes, last, row }: LastWrite): void {
  if (last && evidence.status(last) === 'none') {
    const message = `${what} was written by ${last.id}, which says no (${last.error?.code ?? 'rolled back'})`;
    evidence.report('definite_error_with_effect', message, [last], [row]);
    return;
  }
  const settled = last ? evidence.settledAt(last) : Number.NEGATIVE_INFINITY;
  const overtaken = evidence.done(writes).filter((call) => call !== last && call.begin > settled);
  if (overtaken.length === 0) return;
  const later = overtaken.map(({ id }) => id).join(', ');
  if (last) {
    evidence.report(
      'late_twin',
      `${what} is what ${last.id} wrote, although ${later} wrote later`,
      [last, ...overtaken],
      [row],
    );
  } else
    evidence.report('lost_acknowledgement', `${what} is as at the beginning, although ${later} wrote it`, overtaken, [
      row,
    ]);
}

/** Amendments and confirmations leave their mark in the transaction id of a use. */
export function checkAmendments(evidence: Evidence): void {
  for (const row of evidence.rows.uses) {
    const calls = evidence.onUse(row.id, 'amendUse', 'confirm');
    // The confirmation of what is no hold any more writes nothing.
    const writes = calls.filter(
      ({ id, kind, result }) => kind === 'amendUse' || markOf(result?.use?.transaction ?? null) === id,
    );
    const mark = markOf(row.transaction);
    const last = calls.find(({ id }) => id === mark);
    if (mark !== undefined && !last) {
      evidence.report('unasked', `No call ${mark} wrote the use ${row.id}`, calls, [row]);
      continue;
    }
    checkLastWrite(evidence, { what: `The use ${row.id}`, writes, last, row });
    if (last?.kind === 'amendUse' && (row.base !== last.args.base || row.bonus !== last.args.bonus)) {
      evidence.report(
        'wrong_values',
        `The use ${row.id} has the mark of ${last.id} and not its amounts`,
        [last],
        [row],
      );
    }
  }
}

/** Updates leave their mark in the name of a code. */
export function checkUpdates(evidence: Evidence): void {
  for (const row of evidence.rows.codes) {
    const updates = evidence.onCode(row.id, 'update');
    const last = updates.find(({ id }) => id === row.name);
    checkLastWrite(evidence, { what: `The code ${row.code}`, writes: updates, last, row });
    if (last && row.bonusValue !== last.args.bonus) {
      evidence.report(
        'wrong_values',
        `The code ${row.code} has the mark of ${last.id} and not its bonus`,
        [last],
        [row],
      );
    }
  }
}
