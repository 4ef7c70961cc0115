import type { ClientLike, QueryResultLike } from '../postgres/database.js';
import { clientOf } from './client.js';
import { untilLost } from './pools.js';
import { hasMethods, refusal } from './refusal.js';

/** A transaction of postgres.js: what `sql.begin(async (sql) => …)` hands in, or what `sql.reserve()` gives. */
export interface PostgresJsTransaction {
  /** Runs a statement. */
  unsafe(text: string, values: never): PromiseLike<unknown>;
}

/** What is run of it. */
interface Unsafe {
  unsafe(text: string, values: unknown[]): PromiseLike<PostgresJsRows>;
}

/** An array with more to it. */
type PostgresJsRows = Iterable<Record<string, unknown>> & { count?: number | null };

const TAKEN = {
  adapter: 'fromPostgresJs',
  argument: 'sql',
  rule: 'a transaction of postgres.js: the sql that sql.begin(async (sql) => …) hands in',
};

/**
 * A transaction of postgres.js as the `client` of any call: the call is a part of the transaction, and is undone when that
 * rolls back. postgres.js rolls a transaction back in which a statement has failed, also where its error was caught.
 *
 * @example
 * await sql.begin(async (sql) => {
 *   await sql`INSERT INTO orders (id) VALUES (4711)`;
 *   await promoCodes.redeem(request, { client: fromPostgresJs(sql) });
 * });
 *
 * @param sql the transaction, not the `sql` that it was begun with; the same one gives the same client
 * @throws ValidationError where it is none
 */
export function fromPostgresJs(sql: PostgresJsTransaction): ClientLike {
  if (!hasMethods(sql, 'unsafe')) throw refusal(TAKEN, sql);
  if (!hasMethods(sql, 'savepoint') && !hasMethods(sql, 'release')) {
    throw refusal(
      TAKEN,
      sql,
      'this is the sql that it is begun with, each of whose statements may run on another connection',
    );
  }
  return clientOf(sql, () => ({
    name: 'This transaction of postgres.js',
    run: untilLost((text, values) => runUnsafe(sql, text, values)),
  }));
}

/** Runs a statement; without values also several. */
export async function runUnsafe(sql: PostgresJsTransaction, text: string, values: unknown[]): Promise<QueryResultLike> {
  const answer = await (sql as unknown as Unsafe).unsafe(text, values);
  // What `transform` has made of the names, such as postgres.pascal, is undone: those of the library are lower-case words.
  const rows = [...answer].map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value])),
  );
  return { rows, rowCount: answer.count ?? rows.length };
}
