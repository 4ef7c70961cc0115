import type { ConnectionPool } from '../postgres/database.js';
import { poolOf, untilLost } from './pools.js';
import { type PostgresJsTransaction, runUnsafe } from './postgres-js.js';
import { hasMethods, refusal } from './refusal.js';

/** The `sql` of postgres.js. */
export interface PostgresJs extends PostgresJsTransaction {
  /** Runs a function in a transaction. */
  // biome-ignore lint/suspicious/noExplicitAny: what two overloads have in common.
  begin(options: any, work: any): Promise<unknown>;
}

const TAKEN = {
  adapter: 'poolFromPostgresJs',
  argument: 'sql',
  rule: "the sql of postgres.js: import postgres from 'postgres'; const sql = postgres(url)",
};

/**
 * The `sql` of postgres.js as the pool of a `PromoCodeRepository` and of every other function, without `pg`. It stays
 * yours: end it after `promoCodes.close()`. A call begins with a statement that does nothing, which waits for a connection, so it
 * takes one round trip more than with `pg`. postgres.js closes no single connection, so one whose
 * peer has gone silent is in use until the operating system gives it up; calls go on, on the others.
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
  if (!hasMethods(sql, 'begin')) {
    throw refusal(TAKEN, sql, 'a transaction goes into a call, as { client: fromPostgresJs(sql) }');
  }
  // How many there are is not shown.
  const size = { totalCount: undefined, options: { max: 1 } };
  return poolOf(sql, size, {
    // Its own queue is the one place that knows whether a connection is free, can be made, or never will be.
    available: async () => void (await runUnsafe(sql, 'SELECT 1', [])),
    run: (text, values) => runUnsafe(sql, text, values),
    begin: (modes, work) =>
      sql.begin(modes, (tx: PostgresJsTransaction) => work(untilLost((text, values) => runUnsafe(tx, text, values)))),
  });
}
