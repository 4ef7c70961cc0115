import { PromoCodesError } from '../errors.js';
import type { Layout } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { parseArguments } from '../options.js';
import type { Database } from '../postgres/database.js';
import { pauseBeforeRetry } from '../postgres/retry.js';
import { translateError } from '../postgres/server-errors.js';
import { SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction, type Transaction } from '../postgres/transaction.js';
import { findDrift } from './check-drift.js';
import { CORRECTIONS } from './corrections.js';
import { type DriftRecord, idOf, toDriftRecord } from './drift-record.js';
import { readCompared } from './layout-of.js';
import { type DriftTrace, observeDrift } from './observed.js';
import { type RepairDriftOptions, repairDriftOptions } from './options.js';

/** A batch ends at so many codes, or at so many uses to count, so that no lock is held for long. */
const CODES_PER_BATCH = 100;
const USES_PER_BATCH = 50_000;
const ATTEMPTS = 5;

/**
 * Corrects every code whose counters differ from its uses, and every campaign whose counters differ from the uses of its codes.
 * Each is locked (`FOR NO KEY UPDATE`), then recounted by the next
 * statement, whose snapshot is newer than the lock: exact while others insert and delete, in either order of arrival.
 * Only codes that differ are locked, a batch of them at a time, and redemptions of the other codes go on.
 *
 * With a client that is inside a transaction, the corrections are part of it and are undone when it rolls back; the
 * transaction must be READ COMMITTED. Uses without a code cannot be repaired and are left out.
 *
 * @returns what was corrected, or with `dryRun` what would be.
 * @throws LockTimeoutError when a code stayed locked for longer than `lockTimeoutMs`; batches before it are committed.
 * @throws PromoCodesError with code `UNCOUNTABLE_AMOUNT` for codes that have a use with an amount that is not finite, or
 * whose amounts add up to less than zero; the other codes are corrected first.
 */
export function repairDrift(db: Database, options?: RepairDriftOptions): Promise<DriftRecord[]> {
  return repairDriftOf(db, options, undefined);
}

/** @param shard the name of the database among several, for events */
export function repairDriftOf(
  db: Database,
  options: RepairDriftOptions | undefined,
  shard: string | undefined,
): Promise<DriftRecord[]> {
  return observeDrift('repairDrift', (trace) => repair(db, options, trace, shard), shard);
}

async function repair(
  db: Database,
  options: RepairDriftOptions | undefined,
  trace: DriftTrace | undefined,
  shard: string | undefined,
): Promise<DriftRecord[]> {
  const { dryRun, lockTimeoutMs, onProgress, ...filter } = parseArguments(
    db,
    repairDriftOptions,
    options,
    'repairDrift()',
  );
  const compared = await readCompared(db, filter);
  const { layout } = compared;
  const found = (await findDrift(db, compared, filter, undefined, trace)).filter(hasCounters);
  const repairable = found.filter((record) => isCountable(record));
  if (dryRun) return repairable;

  const repaired: DriftRecord[] = [];
  const refused = found.filter((record) => !isCountable(record));
  const total = repairable.length;
  let done = 0;
  for (const batch of batchesOf(repairable)) {
    const { corrected, inexact } = await repairBatch(db, layout, batch, { lockTimeoutMs, shard });
    repaired.push(...corrected);
    trace?.note(() => ({ repaired: repaired.length }));
    refused.push(...inexact);
    done += batch.ids.length;
    onProgress?.({ phase: 'repair', done, total });
  }
  if (refused.length > 0) throw uncountable(refused);
  return repaired;
}

/** Uses without a code have nothing that could be corrected. */
function hasCounters({ code, shopId, timesUsed, totalBonusIssued }: DriftRecord): boolean {
  return [code, shopId, timesUsed, totalBonusIssued].some((value) => value !== null);
}

/** Whether a counter with so many decimal places can hold the sum. */
export function isCountable({ actualBonus }: DriftRecord, decimals = Number.POSITIVE_INFINITY): boolean {
  const [, fraction = ''] = /^\d+(?:\.(\d+?)0*)?$/.exec(actualBonus) ?? [];
  return /^\d/.test(actualBonus) && fraction.length <= decimals;
}

export function uncountable(records: DriftRecord[]): PromoCodesError {
  const sums = records.map((record) => {
    const name =
      record.kind === 'campaign' ? `campaign ${record.campaignId}` : `${record.code} (id ${record.promoCodeId})`;
    return `${name}: ${record.actualBonus}`;
  });
  return new PromoCodesError(
    'UNCOUNTABLE_AMOUNT',
    `The bonus amounts of ${nameOf(records)} do not add up to a number that a ` +
      `counter can hold: ${sums.slice(0, 10).join(', ')}. Correct the rows of promo_code_uses whose bonus_amount is NaN, ` +
      'infinite, negative or finer than total_bonus_issued holds, then run this again.',
  );
}

function nameOf(records: DriftRecord[]): string {
  if (records.length === 1) return records[0]!.kind === 'campaign' ? 'a campaign' : 'a code';
  return `${records.length} ${records.some(({ kind }) => kind === 'campaign') ? 'codes and campaigns' : 'codes'}`;
}

/** What one transaction corrects: codes, or campaigns. */
interface Batch {
  kind: DriftRecord['kind'];
  ids: string[];
}

/** Codes come before campaigns, as in every transaction that locks both. */
function batchesOf(records: DriftRecord[]): Batch[] {
  const batches: Batch[] = [];
  let uses = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const { kind, actualUses } = record;
    uses += actualUses;
    const last = batches.at(-1);
    if (uses > USES_PER_BATCH || last?.kind !== kind || last.ids.length === CODES_PER_BATCH) {
      batches.push({ kind, ids: [] });
      uses = actualUses;
    }
    batches.at(-1)!.ids.push(idOf(record));
  }
  return batches;
}

interface Recounted {
  corrected: DriftRecord[];
  /** Left as they are: their sum has more decimal places than the counter. */
  inexact: DriftRecord[];
}

/** A deadlock with a writer that locks codes in another order is possible only here, and costs no more than a retry. */
async function repairBatch(
  db: Database,
  layout: Layout,
  batch: Batch,
  { lockTimeoutMs, shard }: { lockTimeoutMs: number; shard: string | undefined },
): Promise<Recounted> {
  const inexact: DriftRecord[] = [];
  let { ids } = batch;
  for (let attempt = 1; ; ) {
    try {
      const left = { ...batch, ids };
      return { corrected: await inTransaction(db, (tx) => recount(tx, layout, left, lockTimeoutMs)), inexact };
    } catch (error) {
      if (error instanceof InexactSums) {
        inexact.push(...error.records);
        ids = ids.filter((id) => error.records.every((record) => idOf(record) !== id));
        continue;
      }
      if (sqlStateOf(error) !== SqlState.deadlockDetected || attempt === ATTEMPTS) throw translateError(error);
      await pauseBeforeRetry(attempt, error, attempt, shard);
      attempt += 1;
    }
  }
}

/** Undoes the transaction of a batch, which then runs again without these codes. */
class InexactSums extends PromoCodesError {
  constructor(readonly records: DriftRecord[]) {
    super('UNCOUNTABLE_AMOUNT', 'The counters cannot hold these sums.');
  }
}

async function recount(
  transaction: Transaction,
  layout: Layout,
  { kind, ids }: Batch,
  lockTimeoutMs: number,
): Promise<DriftRecord[]> {
  const { rows: earlier } = await transaction.query(
    `SELECT current_setting('lock_timeout') AS wait, current_setting('timezone') AS zone,
            current_setting('row_security') AS security`,
  );
  // The marker lets the write pass the counter guards. The host's zone makes now() right in a column without time zone as well. Row-level
  // security that hides uses from this role becomes an error instead of a wrong count.
  await transaction.query(SETTINGS, [`${lockTimeoutMs}ms`, layout.timeZone, 'off', 'on']);
  const { lock, correct } = CORRECTIONS[kind];
  await transaction.query(renderSqlFile(lock, layout), [ids]);
  const { rows } = await transaction.query(renderSqlFile(correct, layout), [ids]);
  await transaction.query(SETTINGS, [earlier[0]?.wait, earlier[0]?.zone, earlier[0]?.security, '']);
  const inexact = rows.filter(({ exact }) => exact !== 'true');
  if (inexact.length > 0) throw new InexactSums(inexact.map(toDriftRecord));
  return rows.map(toDriftRecord);
}

const SETTINGS = `
  SELECT set_config('lock_timeout', $1, true), set_config('timezone', $2, true),
         set_config('row_security', $3, true), set_config('pg_promo_codes.counting', $4, true)`;
