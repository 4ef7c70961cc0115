import { LockTimeoutError } from '../errors.js';
import type { HostDescription, HostTable } from '../host/description.js';
import { tableName } from '../host/layout.js';
import { pauseBeforeRetry } from '../postgres/retry.js';
import { SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import type { Transaction } from '../postgres/transaction.js';

/** A first attempt waits no longer than this for a lock, the next one twice as long, up to `lockTimeoutMs`. */
const FIRST_WAIT_MS = 200;
/**
 * Whoever holds one table lock and waits for the other can deadlock with a writer. All of the waiting together stays below
 * the server's deadlock_timeout (1 s), so that it is the installation that gives way and never the writer.
 */
const SECOND_WAIT_MS = 100;
const ATTEMPTS_FOR_TWO_LOCKS = 3;
const ATTEMPTS_FOR_ONE_LOCK = 8;

/** The host's tables, as far as a change has to lock them. */
export type LockedTables = readonly HostTable[];

/**
 * Runs a piece of DDL, again and again while it cannot have its locks: writers queue up behind a lock that is waited for,
 * so the first attempts are impatient and the pauses between them let the queue drain.
 * @param shard the name of the database among several, for events
 */
export async function withShortLocks<Result>(
  lockTimeoutMs: number,
  locks: 'one' | 'two',
  work: (waitMs: number, attempt: number) => Promise<Result>,
  shard?: string,
): Promise<Result> {
  const attempts = locks === 'two' ? ATTEMPTS_FOR_TWO_LOCKS : ATTEMPTS_FOR_ONE_LOCK;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work(Math.min(lockTimeoutMs, FIRST_WAIT_MS * 2 ** attempt), attempt);
    } catch (error) {
      const sqlState = sqlStateOf(error);
      if (sqlState !== SqlState.lockNotAvailable && sqlState !== SqlState.deadlockDetected) throw error;
      if (attempt + 1 === attempts) {
        throw new LockTimeoutError(
          `The tables stayed locked through all attempts of up to ${lockTimeoutMs} ms (lockTimeoutMs). Look for a long ` +
            'transaction on the tables of codes and uses in pg_stat_activity, and call again.',
          { sqlState, cause: error },
        );
      }
      await pauseBeforeRetry(attempt, error, attempt + 1, shard);
    }
  }
}

/**
 * Takes the locks that DDL is going to need before it begins, the second with next to no patience, and in turns in either
 * order, because hosts write their two tables in either order.
 */
export async function lockTables(
  transaction: Transaction,
  host: HostDescription,
  tables: LockedTables,
  attempt: number,
  mode: 'SHARE ROW EXCLUSIVE' | 'ACCESS EXCLUSIVE' = 'SHARE ROW EXCLUSIVE',
): Promise<void> {
  const inOrder = attempt % 2 === 0 ? tables : [...tables].reverse();
  for (const [position, table] of inOrder.entries()) {
    if (position === 1) await setLockTimeout(transaction, `${SECOND_WAIT_MS}ms`);
    await transaction.query(`LOCK TABLE ${tableName(host, table)} IN ${mode} MODE`);
  }
}

/** Scoped to the transaction. */
export async function setLockTimeout(transaction: Transaction, value: unknown): Promise<void> {
  await transaction.query(`SELECT pg_catalog.set_config('lock_timeout', $1, true)`, [value]);
}
