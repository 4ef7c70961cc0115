import type { ClientLike } from '../postgres/database.js';
import { clientOf, toResult } from './client.js';
import { hasMethods, refusal } from './refusal.js';

/** What answers statements in PGlite: the database, or a transaction of it. */
export interface PgliteRunner {
  /** Runs a statement. */
  // biome-ignore lint/suspicious/noExplicitAny: as PGlite types it.
  query(text: string, values?: any[]): Promise<PgliteAnswer>;
  /** Runs several. */
  exec(text: string): Promise<unknown[]>;
}

/** What comes back. */
export interface PgliteAnswer {
  /** An object for each row. */
  rows: unknown[];
  /** How many rows were written. */
  affectedRows?: number;
}

/** A transaction of PGlite: what `db.transaction(async (tx) => …)` hands in. */
export interface PgliteTransaction extends PgliteRunner {
  /** Only transactions have it. */
  rollback(): Promise<void>;
  /** Whether it was committed or rolled back. */
  readonly closed: boolean;
}

const TAKEN = {
  adapter: 'fromPglite',
  argument: 'tx',
  rule: 'a transaction of PGlite: the tx of db.transaction(async (tx) => …)',
};

/**
 * A transaction of PGlite as the `client` of any call: the call is a part of the transaction, and is undone when that rolls
 * back. PGlite has one connection, so inside of its transaction every call needs the client: one without waits for the
 * transaction to end, and fails after `deadlineMs`.
 *
 * @example
 * await db.transaction(async (tx) => {
 *   await tx.query('INSERT INTO orders (id) VALUES (4711)');
 *   await promoCodes.redeem(request, { client: fromPglite(tx) });
 * });
 *
 * @param tx the transaction; the same one gives the same client
 * @throws ValidationError where it is none, such as the `PGlite` that it was begun with
 */
export function fromPglite(tx: PgliteTransaction): ClientLike {
  if (!hasMethods(tx, 'query', 'exec')) throw refusal(TAKEN, tx);
  if (!hasMethods(tx, 'rollback')) {
    throw refusal(TAKEN, tx, 'this is not one; outside of a transaction pass poolFromPglite(db) to the constructor');
  }
  return clientOf(tx, () => ({
    name: 'This transaction of PGlite',
    hasEnded: () => tx.closed,
    run: async (text, values) => toPgliteResult(await tx.query(text, values)),
  }));
}

/** @internal */
export function toPgliteResult({ rows, affectedRows }: PgliteAnswer) {
  return toResult(rows, rows.length > 0 ? rows.length : affectedRows);
}
