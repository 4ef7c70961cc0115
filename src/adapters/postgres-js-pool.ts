import type { ConnectionPool, PooledConnection, QueryResultLike } from '../postgres/database.js';
import { type NamedStatement, statementOf } from './client.js';
import { poolOf } from './pools.js';
import { type PostgresJsTransaction, runUnsafe } from './postgres-js.js';
import { hasMethods, refusal } from './refusal.js';

/** The `sql` of postgres.js. */
export interface PostgresJs {
  reserve(): Promise<PostgresJsReserved>;
}

/** What `sql.reserve()` gives. */
export interface PostgresJsReserved extends PostgresJsTransaction {
  release(): void;
}

const TAKEN = {
  adapter: 'poolFromPostgresJs',
  argument: 'sql',
  rule: "the sql of postgres.js: import postgres from 'postgres'; const sql = postgres(url)",
};

/**
 * The `sql` of postgres.js as the pool of a `PromoCodeRepository` and of every other function, without `pg`. It stays
 * yours: end it after `promoCodes.close()`.
 *
 * @example
 * const sql = postgres(process.env.DATABASE_URL);
 * const promoCodes = new PromoCodeRepository(poolFromPostgresJs(sql));
 *
 * @param sql what `postgres()` gave; the same one gives the same pool
 * @throws ValidationError where it is not, such as a transaction of it
 */
export function poolFromPostgresJs(sql: PostgresJs): ConnectionPool {
  if (!hasMethods(sql, 'unsafe')) throw refusal(TAKEN, sql);
  if (!hasMethods(sql, 'reserve')) {
    throw refusal(TAKEN, sql, 'a transaction goes into a call, as { client: fromPostgresJs(sql) }');
  }
  return poolOf(sql, {
    totalCount: undefined,
    options: {},
    connect: async () => new PostgresJsConnection(await sql.reserve()),
  });
}

class PostgresJsConnection implements PooledConnection {
  readonly #reserved: PostgresJsReserved;
  #isBroken = false;
  #isReleased = false;

  constructor(reserved: PostgresJsReserved) {
    this.#reserved = reserved;
  }

  async query(statement: string | NamedStatement, given?: unknown[]): Promise<QueryResultLike> {
    const { text, values } = statementOf(statement, given);
    try {
      return await runUnsafe(this.#reserved, text, values);
    } catch (error) {
      this.#isBroken ||= isOfConnection(error);
      throw error;
    }
  }

  /** A connection in doubt cannot be closed from here: it goes back when the server has answered, its transaction undone. */
  release(error?: Error | boolean): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (!error) this.#giveBack();
    else this.query('ROLLBACK').then(this.#giveBack, this.#giveBack);
  }

  /** postgres.js has taken a broken connection back by itself. */
  readonly #giveBack = (): void => {
    if (!this.#isBroken) this.#reserved.release();
  };
}

/** Whatever the server has not said. */
function isOfConnection(error: unknown): boolean {
  return !(typeof error === 'object' && error !== null && 'severity' in error && error.severity !== 'FATAL');
}
