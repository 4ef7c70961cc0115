import type { Transaction } from '../postgres/transaction.js';
import { setLockTimeout } from './short-locks.js';

/** Many instances that start at once wait for each other. */
const PATIENCE_MS = 60_000;

/**
 * Lets one instance at a time install into a library schema. It is scoped to the transaction, so that it also works behind a
 * transaction pooler. Nobody but other installations queues up behind it, so it is waited for with patience.
 */
export async function installationLock(
  transaction: Transaction,
  librarySchema: string,
  lockTimeoutMs: number,
): Promise<void> {
  await setLockTimeout(transaction, `${Math.max(lockTimeoutMs, PATIENCE_MS)}ms`);
  await transaction.query(
    'SELECT true AS locked FROM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1::pg_catalog.text, 0::bigint))',
    [`pg-promo-codes:${librarySchema}`],
  );
}
