import { DriftError } from '../errors.js';
import { inspectTriggers } from '../inspect/inspect-triggers.js';
import { parseArguments } from '../options.js';
import type { Database } from '../postgres/database.js';
import { checkDrift } from './check-drift.js';
import type { DriftRecord } from './drift-record.js';
import { driftTable } from './drift-table.js';
import { type CheckDriftOptions, checkDriftOptions } from './options.js';

/**
 * Does nothing when the counters are true and every installed trigger is in order; made for tests and for operations.
 *
 * @throws DriftError with the records, and a message that shows them as a table and names each trigger that is missing,
 * outdated, disabled or foreign, with the SQL that fixes it.
 * @throws NotInstalledError where the tables do not exist.
 */
export async function assertNoDrift(db: Database, options: CheckDriftOptions = {}): Promise<void> {
  parseArguments(db, checkDriftOptions, options, 'assertNoDrift()');
  const records = await checkDrift(db, options);
  const { schema, librarySchema } = options;
  const { objects } = await inspectTriggers(db, { schema, librarySchema });
  const faults = objects.filter(({ state }) => state !== 'ok');
  if (records.length === 0 && faults.length === 0) return;

  const parts: string[] = [];
  if (records.length > 0) {
    parts.push(`${howMany(records)} from the uses:`);
    parts.push(driftTable(records), 'repairDrift() recounts them under a lock.');
  }
  if (faults.length > 0) {
    parts.push(
      'The installation is not in order, so the counters can drift (installTriggers() fixes what is its own):',
    );
    parts.push(
      ...faults.map(({ kind, name, table, state }) => `  ${kind} ${name}${table ? ` on ${table}` : ''}: ${state}`),
    );
  }
  throw new DriftError(parts.join('\n'), records);
}

function howMany(records: readonly DriftRecord[]): string {
  const withCampaigns = records.some(({ kind }) => kind === 'campaign');
  if (records.length === 1) return withCampaigns ? '1 campaign differs' : '1 code differs';
  return `${records.length} ${withCampaigns ? 'codes and campaigns' : 'codes'} differ`;
}
