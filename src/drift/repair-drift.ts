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
import { driftFile } from './drift-query.js';
import { DRIFT_COLUMNS, type DriftRecord, toDriftRecord } from './drift-record.js';
import { readLayout } from './layout-of.js';
import { type DriftTrace, observeDrift } from './observed.js';
import { type RepairDriftOptions, repairDriftOptions } from './options.js';

/** A batch ends at so many codes, or at so many uses to count, so that no lock is held for long. */
const CODES_PER_BATCH = 100;
const USES_PER_BATCH = 50_000;
const ATTEMPTS = 5;

/**
 * Corrects every code whose counters differ from its uses. Each is locked (`FOR NO KEY UPDATE`), then recounted by the next
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
  return observeDrift('repairDrift', (trace) => repair(db, options, trace));
}

async function repair(
  db: Database,
  options: RepairDriftOptions | undefined,
  trace: DriftTrace | undefined,
): Promise<DriftRecord[]> {
  const { dryRun, lockTimeoutMs, onProgress, ...filter } = parseArguments(
    db,
    repairDriftOptions,
    options,
    'repairDrift()',
  );
  const layout = await readLayout(db, filter);
  const found = (await findDrift(db, layout, filter, undefined, trace)).filter(hasCode);
  const repairable = found.filter((record) => isCountable(record));
  if (dryRun) return repairable;

  const repaired: DriftRecord[] = [];
  const refused = found.filter((record) => !isCountable(record));
  const total = repairable.length;
  let done = 0;
  for (const batch of batchesOf(repairable)) {
    const { corrected, inexact } = await repairBatch(db, layout, batch, lockTimeoutMs);
    repaired.push(...corrected);
    trace?.note(() => ({ repaired: repaired.length }));
    refused.push(...inexact);
    done += batch.length;
    onProgress?.({ phase: 'repair', done, total });
  }
  if (refused.length > 0) throw uncountable(refused);
  return repaired;
}

/** Uses without a code have nothing that could be corrected. */
function hasCode({ code, shopId, timesUsed, totalBonusIssued }: DriftRecord): boolean {
  return [code, shopId, timesUsed, totalBonusIssued].some((value) => value !== null);
}

/** Whether a counter with so many decimal places can hold the sum. */
export function isCountable({ actualBonus }: DriftRecord, decimals = Number.POSITIVE_INFINITY): boolean {
  const [, fraction = ''] = /^\d+(?:\.(\d+?)0*)?$/.exec(actualBonus) ?? [];
  return /^\d/.test(actualBonus) && fraction.length <= decimals;
}

export function uncountable(records: DriftRecord[]): PromoCodesError {
  const codes = records.map(({ promoCodeId, code, actualBonus }) => `${code} (id ${promoCodeId}): ${actualBonus}`);
  return new PromoCodesError(
    'UNCOUNTABLE_AMOUNT',
    `The bonus amounts of ${records.length === 1 ? 'a code' : `${records.length} codes`} do not add up to a number that a ` +
      `counter can hold: ${codes.slice(0, 10).join(', ')}. Correct the rows of promo_code_uses whose bonus_amount is NaN, ` +
      'infinite, negative or finer than total_bonus_issued holds, then run this again.',
  );
}

function batchesOf(records: DriftRecord[]): string[][] {
  const batches: string[][] = [];
  let uses = Number.POSITIVE_INFINITY;
  for (const { promoCodeId, actualUses } of records) {
    uses += actualUses;
    if (uses > USES_PER_BATCH || batches.at(-1)!.length === CODES_PER_BATCH) {
      batches.push([]);
      uses = actualUses;
    }
    batches.at(-1)!.push(promoCodeId);
  }
  return batches;
}

interface Recounted {
  corrected: DriftRecord[];
  /** Left as they are: their sum has more decimal places than the counter. */
  inexact: DriftRecord[];
}

/** A deadlock with a writer that locks codes in another order is possible only here, and costs no more than a retry. */
async function repairBatch(db: Database, layout: Layout, batch: string[], lockTimeoutMs: number): Promise<Recounted> {
  const inexact: DriftRecord[] = [];
  let ids = batch;
  for (let attempt = 1; ; ) {
    try {
      return { corrected: await inTransaction(db, (tx) => recount(tx, layout, ids, lockTimeoutMs)), inexact };
    } catch (error) {
      if (error instanceof InexactSums) {
        inexact.push(...error.records);
        ids = ids.filter((id) => error.records.every(({ promoCodeId }) => promoCodeId !== id));
        continue;
      }
      if (sqlStateOf(error) !== SqlState.deadlockDetected || attempt === ATTEMPTS) throw translateError(error);
      await pauseBeforeRetry(attempt, error);
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
  ids: string[],
  lockTimeoutMs: number,
): Promise<DriftRecord[]> {
  const { rows: earlier } = await transaction.query(
    `SELECT current_setting('lock_timeout') AS wait, current_setting('timezone') AS zone,
            current_setting('row_security') AS security`,
  );
  // The marker lets the write pass the counter guard. The host's zone makes now() right in a column without time zone as well. Row-level
  // security that hides uses from this role becomes an error instead of a wrong count.
  await transaction.query(SETTINGS, [`${lockTimeoutMs}ms`, layout.timeZone, 'off', 'on']);
  await transaction.query(
    renderSqlFile(
      `SELECT c.:"code_id" FROM :"codes" AS c WHERE c.:"code_id" = ANY ($1:::code_id_type[]) ORDER BY c.:"code_id" FOR NO KEY UPDATE`,
      layout,
    ),
    [ids],
  );
  const { rows } = await transaction.query(renderSqlFile(CORRECT, layout), [ids]);
  await transaction.query(SETTINGS, [earlier[0]?.wait, earlier[0]?.zone, earlier[0]?.security, '']);
  const inexact = rows.filter(({ exact }) => exact !== 'true');
  if (inexact.length > 0) throw new InexactSums(inexact.map(toDriftRecord));
  return rows.map(toDriftRecord);
}

const CORRECT = `WITH drift AS MATERIALIZED (${driftFile({
  uses: 'u.:"promo_code_id" = ANY ($1:::code_id_type[])',
  codes: 'c.:"code_id" = ANY ($1:::code_id_type[])',
})}), corrected AS (
  UPDATE :"codes" AS c
     SET /*list*/
         /*if times_used*/
         :"times_used" = drift.actual_uses,
         /*fi*/
         /*if total_bonus_issued*/
         :"total_bonus_issued" = drift.actual_bonus,
         /*fi*/
         /*if updated_at*/
         :"updated_at" = now(),
         /*fi*/
         /*end*/
    FROM drift
   WHERE c.:"code_id" = drift.promo_code_id
  RETURNING c.:"code_id" AS id, (true
            /*if times_used*/
            AND c.:"times_used"::numeric = drift.actual_uses::numeric
            /*fi*/
            /*if total_bonus_issued*/
            AND c.:"total_bonus_issued"::numeric = drift.actual_bonus
            /*fi*/
            )::text AS exact
)
SELECT ${DRIFT_COLUMNS}, corrected.exact
  FROM drift JOIN corrected ON corrected.id = drift.promo_code_id
 ORDER BY drift.promo_code_id`;

const SETTINGS = `
  SELECT set_config('lock_timeout', $1, true), set_config('timezone', $2, true),
         set_config('row_security', $3, true), set_config('pg_promo_codes.counting', $4, true)`;
