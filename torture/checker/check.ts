import type { ProcessEnd } from '../clients.js';
import type { HostCode } from '../host.js';
import type { History } from '../log.js';
import { checkActivations, checkInactive } from './activations.js';
import { checkDoubt, checkRecovery, checkSettled } from './calls.js';
import { checkCodes } from './codes.js';
import { Evidence } from './evidence.js';
import { checkHolds } from './holds.js';
import { checkKeys } from './keys.js';
import type { Breach, Rows } from './rows.js';
import { checkUses } from './uses.js';
import type { Violation } from './violation.js';
import { checkAmendments, checkUpdates } from './writes.js';

/** A breach of a rule that a snapshot showed. */
export interface SeenBreach extends Breach {
  at: number;
}

/** All that is known of a campaign. */
export interface Findings {
  history: History;
  rows: Rows;
  hostCodes: readonly HostCode[];
  breaches: readonly SeenBreach[];
  ends: readonly ProcessEnd[];
  /** Whether the holds that were due were released before the rows were read. */
  dueWereReleased: boolean;
  /** When the last fault was over; none where recovery is not looked at. */
  lastFault: number | undefined;
}

export interface Verdict {
  violations: Violation[];
  /** How many milliseconds after the last fault each process redeemed. */
  recoveries: Map<string, number>;
}

/** Compares what was answered with what is there. It shares no code with the library. */
export function check({ history, rows, hostCodes, breaches, ends, dueWereReleased, lastFault }: Findings): Verdict {
  const evidence = new Evidence(history, rows);
  checkUses(evidence, hostCodes);
  checkKeys(evidence);
  checkAmendments(evidence);
  checkHolds(evidence, dueWereReleased);
  checkCodes(evidence, hostCodes);
  checkUpdates(evidence);
  checkActivations(evidence);
  checkInactive(evidence);
  checkSettled(evidence, ends);
  checkDoubt(evidence);
  reportBreaches(evidence, breaches);
  const recoveries = lastFault === undefined ? new Map<string, number>() : checkRecovery(evidence, lastFault);
  return { violations: evidence.violations, recoveries };
}

/** One violation for each code and rule, however many snapshots showed it; and what the library itself found. */
function reportBreaches(evidence: Evidence, breaches: readonly SeenBreach[]): void {
  const seen = new Map<string, SeenBreach[]>();
  for (const breach of breaches) {
    const name = `${breach.rule} ${breach.code}`;
    seen.set(name, [...(seen.get(name) ?? []), breach]);
  }
  for (const of of seen.values()) {
    const { rule, code, detail, at } = of[0]!;
    const message = `The code ${code}: ${detail} (seen in ${of.length} snapshots)`;
    evidence.violations.push({ rule, message, calls: [], rows: [], at });
  }
  for (const call of evidence.history.calls.values()) {
    if (!['checkDrift', 'repairDrift', 'installTriggers'].includes(call.kind) || !call.result?.count) continue;
    evidence.report('drift', `The call ${call.id} (${call.kind}) found ${call.result.count} drifted codes`, [call]);
  }
}
