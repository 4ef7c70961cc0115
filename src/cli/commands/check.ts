import { setTimeout as sleep } from 'node:timers/promises';
import type { DriftRecord } from '../../drift/drift-record.js';
import { isPromoCodesError } from '../../errors.js';
import { EXIT } from '../command-error.js';
import { countedRecords, driftList } from '../drift-list.js';
import { explainError } from '../explain-error.js';
import { progressLine } from '../progress.js';
import type { Session } from '../session.js';
import { counted } from '../table.js';
import { note, print } from '../terminal.js';

interface Flags {
  limit?: number;
  shop?: string;
  failFast?: boolean;
  watch?: number;
}

/** Codes in one statement: few statements where the uses have no index, many steps of the progress where there are many codes. */
const BATCH_SIZE = 10_000;

export async function check(session: Session, flags: Flags): Promise<number> {
  await session.connection();
  if (flags.watch !== undefined) return watch(session, flags, flags.watch);
  const records = await findRecords(session, flags);
  print(session.terminal, session.flags.json ? JSON.stringify(records) : verdict(records, flags));
  return exitCodeOf(records);
}

function exitCodeOf(records: readonly DriftRecord[]): number {
  return records.length === 0 ? EXIT.ok : EXIT.notInOrder;
}

function verdict(records: readonly DriftRecord[], { limit, failFast }: Flags): string {
  if (records.length === 0) return 'No drift: every counter is what its uses add up to.';
  const isAll = !failFast && (limit === undefined || records.length < limit);
  const differ = records.length === 1 ? 'differs from its uses' : 'differ from their uses';
  return [
    `${isAll ? '' : 'At least '}${countedRecords(records)} ${differ}:`,
    driftList(records),
    'To do: `pg-promo-codes repair` recounts them; `pg-promo-codes status` shows what lets them drift.',
  ].join('\n');
}

/**
 * One statement, and so one snapshot of all codes. Where somebody watches, or the first that differs is enough, it goes range by
 * range, each with a snapshot of its own.
 */
async function findRecords(session: Session, { limit, shop, failFast }: Flags): Promise<DriftRecord[]> {
  const { terminal, installation } = session;
  const pool = await session.pool();
  const { checkDrift, streamDrift } = await import('../../index.js');
  const filter = { ...installation, ...(shop !== undefined && { shopId: shop }) };
  const progress = await progressLine(terminal);
  if (!progress && !failFast) return checkDrift(pool, { ...filter, ...(limit !== undefined && { limit }) });
  const most = failFast ? 1 : (limit ?? Number.POSITIVE_INFINITY);
  const records: DriftRecord[] = [];
  try {
    const onProgress = progress?.onProgress;
    for await (const record of streamDrift(pool, { ...filter, batchSize: BATCH_SIZE, onProgress })) {
      records.push(record);
      if (records.length >= most) break;
    }
  } finally {
    progress?.end();
  }
  return records;
}

/** Until Ctrl-C: a line for each check, the codes where they are others than before. What breaks the connection is waited out. */
async function watch(session: Session, flags: Flags, seconds: number): Promise<number> {
  const { terminal } = session;
  let shown = '[]';
  let isLost = false;
  let exitCode: number = EXIT.ok;
  while (!terminal.signal.aborted && !terminal.isOutputGone()) {
    try {
      const records = await findRecords(session, flags);
      if (isLost) note(terminal, `${now()}  connected again`);
      isLost = false;
      exitCode = exitCodeOf(records);
      const found = JSON.stringify(records);
      if (session.flags.json) print(terminal, found);
      else {
        print(terminal, `${now()}  ${records.length === 0 ? 'no drift' : `${countedRecords(records)} drifted`}`);
        if (records.length > 0 && found !== shown) print(terminal, driftList(records));
      }
      shown = found;
      if (flags.failFast && records.length > 0) return exitCode;
    } catch (error) {
      if (terminal.signal.aborted || !isPassing(error)) throw error;
      if (!isLost)
        note(terminal, `${now()}  ${explainError(error).message} Trying again every ${counted(seconds, 'second')}.`);
      isLost = true;
    }
    await sleep(seconds * 1_000, undefined, { signal: terminal.signal }).catch(() => undefined);
  }
  return exitCode;
}

/** A server that restarts, or is not there for a while. */
function isPassing(error: unknown): boolean {
  return isPromoCodesError(error) && ['CONNECTION_FAILED', 'CONNECTION_LOST', 'TIMEOUT'].includes(error.code);
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
