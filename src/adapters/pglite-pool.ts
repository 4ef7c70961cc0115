import { ConnectionError } from '../errors.js';
import type { ConnectionPool } from '../postgres/database.js';
import { NoAnswer } from '../postgres/faults.js';
import { withLimit } from '../postgres/lease.js';
import { type PgliteAnswer, type PgliteRunner, type PgliteTransaction, toPgliteResult } from './pglite.js';
import { poolOf, type Run } from './pools.js';
import { hasMethods, refusal } from './refusal.js';

/** A PGlite database. */
export interface Pglite extends PgliteRunner {
  /** Runs a function in a transaction. */
  transaction<Result>(callback: (tx: PgliteTransaction) => Promise<Result>): Promise<Result>;
}

/** How `poolFromPglite` waits. */
export interface PglitePoolOptions {
  /** Milliseconds that a call waits for the connection, which a transaction may be open on. Default: 30,000. */
  connectionTimeoutMillis?: number | undefined;
}

const TAKEN = { adapter: 'poolFromPglite', argument: 'db', rule: 'a PGlite database: new PGlite()' };

/**
 * A PGlite database as the pool of a `PromoCodeRepository` and of every other function, without a server and without `pg`.
 * It has one connection: calls wait for each other, and for a transaction that is open. Inside of a transaction of yours
 * every call needs the client, `fromPglite(tx)`; one without fails with `POOL_EXHAUSTED`: a call of a repository after its
 * deadline, every other one after `connectionTimeoutMillis`.
 *
 * @example
 * const pool = poolFromPglite(new PGlite());
 * await installSchema(pool);
 * const promoCodes = new PromoCodeRepository(pool);
 *
 * @param db the database; the same one gives the same pool
 * @param options those that were given last hold
 * @throws ValidationError where it is none, such as a transaction of one
 */
export function poolFromPglite(db: Pglite, options: PglitePoolOptions = {}): ConnectionPool {
  if (!hasMethods(db, 'query', 'exec')) throw refusal(TAKEN, db);
  if (!hasMethods(db, 'transaction')) {
    throw refusal(TAKEN, db, 'a transaction goes into a call, as { client: fromPglite(tx) }');
  }
  if (options.connectionTimeoutMillis !== undefined) waits.set(db, options.connectionTimeoutMillis);
  // One connection: who waits in vain gets an error that says it is in use.
  const size = { totalCount: 1, options: { max: 1 } };
  return poolOf(db, size, {
    available: () => available(db),
    run: runOn(db),
    begin: (modes, work) =>
      db.transaction(async (tx) => {
        if (modes !== '') await tx.exec(`SET TRANSACTION ${modes}`);
        await work(runOn(tx));
      }),
  });
}

/** What nobody has to wait for ever for: a transaction that waits for a call that has been made in it without its client. */
const WAIT_MS = 30_000;
const waits = new WeakMap<Pglite, number>();

/** Nothing of the caller's was sent yet, so nothing comes of it later. */
async function available(db: Pglite): Promise<void> {
  const milliseconds = waits.get(db) ?? WAIT_MS;
  await withLimit(milliseconds, db.query('SELECT 1'), () => undefined).catch((error: unknown) => {
    if (!(error instanceof NoAnswer)) throw error;
    const message =
      `The one connection of PGlite was in use for ${milliseconds} ms (connectionTimeoutMillis). Inside a transaction of yours ` +
      'pass its client, as { client: fromPglite(tx) }, or in the place of the pool.';
    throw new ConnectionError('POOL_EXHAUSTED', message);
  });
}

function runOn(runner: PgliteRunner): Run {
  return async (text, values) => {
    if (values.length > 0) return toPgliteResult(await runner.query(text, values));
    const results = (await runner.exec(text)) as PgliteAnswer[];
    return toPgliteResult(results.at(-1) ?? { rows: [] });
  };
}
