import type { Transaction } from '../postgres/transaction.js';
import { setLockTimeout } from './short-locks.js';

/**
 * Lets one instance at a time install into a schema. It is scoped to the transaction, so that it also works behind a
 * transaction pooler. Nobody but other installations queues up behind it, so it is waited for with patience.
 */
export async function installationLock(transaction: Transaction, schema: string, lockTimeoutMs: number): Promise<void> {
  await setLockTimeout(transaction, `${lockTimeoutMs}ms`);
  await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`pg-promo-codes:${schema}`]);
}
