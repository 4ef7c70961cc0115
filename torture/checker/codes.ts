import type { HostCode } from '../host.js';
import type { Call } from '../log.js';
import { type Evidence, nameOf } from './evidence.js';
import type { CodeRow } from './rows.js';

/** Codes that were created are there, those that were deleted are not, and no others. */
export function checkCodes(evidence: Evidence, hostCodes: readonly HostCode[]): void {
  const host = new Set(hostCodes.map(({ code }) => code));
  const rows = new Map<string, CodeRow[]>();
  for (const row of evidence.rows.codes) {
    const name = nameOf(row.shop, row.code);
    rows.set(name, [...(rows.get(name) ?? []), row]);
  }
  const asked = new Set<string>();
  for (const call of evidence.history.calls.values()) {
    if (call.kind !== 'create' && call.kind !== 'ensure') continue;
    const name = nameOf(call.args.shop!, call.args.code!);
    asked.add(name);
    checkCreated(evidence, call, rows.get(name) ?? []);
  }
  for (const [name, [row]] of rows) {
    if (!asked.has(name) && !host.has(row!.code)) {
      evidence.report('unasked', `No call asked for the code ${row!.code}`, [], [row]);
    }
  }
  for (const { id, code } of evidence.rows.codes) checkNotDeleted(evidence, id, code);
}

function checkCreated(evidence: Evidence, call: Call, rows: readonly CodeRow[]): void {
  const status = evidence.status(call);
  const { code } = call.args;
  if (rows.length > 1) evidence.report('duplicate_use', `The code ${code} is there ${rows.length} times`, [call], rows);
  if (status === 'none' && rows.length > 0) {
    const message = `The code ${code} is there, and its creation says no (${call.error?.code ?? 'rolled back'})`;
    evidence.report('definite_error_with_effect', message, [call], rows);
  }
  if (status !== 'done' || rows.length > 0) return;
  const deletions = evidence.onCode(call.result!.codeId!, 'delete');
  if (evidence.possible(deletions).length > 0) return;
  const rule = deletions.length > 0 ? 'definite_error_with_effect' : 'lost_acknowledgement';
  evidence.report(rule, `The code ${code} was created and is not there`, [call, ...deletions]);
}

function checkNotDeleted(evidence: Evidence, codeId: string, code: string): void {
  const deletions = evidence.onCode(codeId, 'delete');
  const done = evidence.done(deletions);
  if (done.length > 0) evidence.report('lost_acknowledgement', `The code ${code} was deleted and is there`, done);
  const denied = evidence
    .onCode(codeId, 'delete', 'update', 'activate', 'deactivate', 'usageStats')
    .filter(({ error, tx }) => error?.code === 'NOT_FOUND' && tx === undefined);
  if (denied.length > 0) evidence.report('false_answer', `The code ${code} is there, and was said not to be`, denied);
}
