import type { ConnectionPool, PooledConnection, QueryResultLike } from '../postgres/database.js';
import { type NamedStatement, statementOf } from './client.js';
import { type PgliteRunner, type PgliteTransaction, toPgliteResult } from './pglite.js';
import { poolOf } from './pools.js';
import { hasMethods, refusal } from './refusal.js';

/** A PGlite database. */
export interface Pglite extends PgliteRunner {
  transaction(callback: (tx: never) => Promise<void>): Promise<unknown>;
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
  return poolOf(db, {
    // The one that there is, so that whoever waits in vain is told that it is in use.
    totalCount: 1,
    options: { max: 1 },
    async connect() {
      // Waits until no transaction is open.
      await db.query('SELECT 1');
      return new PgliteConnection(db);
    },
  });
}

/**
 * The connection, between two transactions of others. PGlite keeps other callers out of a transaction only where it has
 * begun it itself, so the statements that begin and end one become its method.
 */
class PgliteConnection implements PooledConnection {
  readonly #db: Pglite;
  #open: OpenTransaction | undefined;

  constructor(db: Pglite) {
    this.#db = db;
  }

  async query(statement: string | NamedStatement, given?: unknown[]): Promise<QueryResultLike> {
    const { text, values } = statementOf(statement, given);
    const [begins, modes = ''] = /^BEGIN\b\s*(.*)$/.exec(text) ?? [];
    if (begins !== undefined) return this.#begin(modes);
    if (text === 'COMMIT' || text === 'ROLLBACK') return this.#end(text);
    const runner: PgliteRunner = this.#open?.tx ?? this.#db;
    if (values.length > 0) return toPgliteResult(await runner.query(text, values));
    const results = (await runner.exec(text)) as { rows: unknown[]; affectedRows?: number }[];
    return toPgliteResult(results.at(-1) ?? { rows: [] });
  }

  release(): void {
    if (this.#open) this.#end('ROLLBACK').catch(() => undefined);
  }

  async #begin(modes: string): Promise<QueryResultLike> {
    this.#open = await new Promise<OpenTransaction>((resolve, reject) => {
      const done: Promise<unknown> = this.#db.transaction(
        (tx: PgliteTransaction) => new Promise<void>((end) => resolve({ tx, end, done: () => done })),
      );
      done.catch(reject);
    });
    if (modes !== '') await this.#open.tx.exec(`SET TRANSACTION ${modes}`);
    return { rows: [], rowCount: null };
  }

  async #end(how: 'COMMIT' | 'ROLLBACK'): Promise<QueryResultLike> {
    const open = this.#open;
    this.#open = undefined;
    if (!open) return { rows: [], rowCount: null };
    if (how === 'ROLLBACK') await open.tx.rollback();
    open.end();
    await open.done();
    return { rows: [], rowCount: null };
  }
}

interface OpenTransaction {
  tx: PgliteTransaction;
  /** Lets PGlite end it, by COMMIT where it was not rolled back. */
  end(): void;
  done(): Promise<unknown>;
}
