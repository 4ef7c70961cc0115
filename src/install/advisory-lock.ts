import type { Transaction } from '../postgres/transaction.js';

/**
 * Lets one instance at a time install into a schema. It is scoped to the transaction, so that it also works behind a
 * transaction pooler, and waits as long as the transaction's lock_timeout.
 */
export async function installationLock(transaction: Transaction, schema: string): Promise<void> {
  await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`pg-promo-codes:${schema}`]);
}
