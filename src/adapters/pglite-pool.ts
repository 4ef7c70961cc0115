import type { ConnectionPool } from '../postgres/database.js';
import { type PgliteAnswer, type PgliteRunner, type PgliteTransaction, toPgliteResult } from './pglite.js';
import { poolOf, type Run } from './pools.js';
import { hasMethods, refusal } from './refusal.js';

/** A PGlite database. */
export interface Pglite extends PgliteRunner {
  /** Runs a function in a transaction. */
  transaction<Result>(callback: (tx: PgliteTransaction) => Promise<Result>): Promise<Result>;
}

const TAKEN = { adapter: 'poolFromPglite', argument: 'db', rule: 'a PGlite database: new PGlite()' };

/**
 * A PGlite database as the pool of a `PromoCodeRepository` and of every other function, without a server and without `pg`.
 * It has one connection: calls wait for each other, and for a transaction that is open. Inside of a transaction of yours
 * every call needs the client, `fromPglite(tx)`; one without fails with `POOL_EXHAUSTED` after its deadline.
 *
 * @example
 * const pool = poolFromPglite(new PGlite());
 * await installSchema(pool);
 * const promoCodes = new PromoCodeRepository(pool);
 *
 * @param db the database; the same one gives the same pool
 * @throws ValidationError where it is none, such as a transaction of one
 */
export function poolFromPglite(db: Pglite): ConnectionPool {
  if (!hasMethods(db, 'query', 'exec')) throw refusal(TAKEN, db);
  if (!hasMethods(db, 'transaction')) {
    throw refusal(TAKEN, db, 'a transaction goes into a call, as { client: fromPglite(tx) }');
  }
  // One connection: who waits in vain gets an error that says it is in use.
  const size = { totalCount: 1, options: { max: 1 } };
  return poolOf(db, size, {
    available: async () => void (await db.query('SELECT 1')),
    run: runOn(db),
    begin: (modes, work) =>
      db.transaction(async (tx) => {
        if (modes !== '') await tx.exec(`SET TRANSACTION ${modes}`);
        await work(runOn(tx));
      }),
  });
}

function runOn(runner: PgliteRunner): Run {
  return async (text, values) => {
    if (values.length > 0) return toPgliteResult(await runner.query(text, values));
    const results = (await runner.exec(text)) as PgliteAnswer[];
    return toPgliteResult(results.at(-1) ?? { rows: [] });
  };
}
