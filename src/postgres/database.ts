/** What a query gives back, as node-postgres does. */
export interface QueryResultLike<Row = Record<string, unknown>> {
  /** One object per row, by column name. */
  rows: Row[];
  /** Rows that were read or written; `null` for a command that has no such number. */
  rowCount: number | null;
}

/** A connection: a `pg.Client`, a `PoolClient`, or anything with the same `query`. */
export interface Queryable {
  /** Runs one statement; without `values` also several, separated by semicolons. */
  // biome-ignore lint/suspicious/noExplicitAny: what a row holds is known to the statement, not to the connection.
  query(text: string, values?: unknown[]): Promise<QueryResultLike<any>>;
}

/**
 * A client that a transaction of the host is open on: a `pg.Client`, a `PoolClient`, or anything with the same `query`. Not a
 * pool, each of whose queries may run on another connection, outside of that transaction.
 */
export interface ClientLike extends Queryable {
  /** What a pool's `connect` resolves to can be released, and that of a client cannot. */
  // biome-ignore lint/suspicious/noConfusingVoidType: what the `connect` of a client resolves to.
  connect?(): Promise<void | { query?: unknown; release?: never }>;
}

/** A connection that was taken from a pool. */
export interface PooledConnection extends Queryable {
  /** Gives it back; with an error or `true` it is closed instead. */
  release(error?: Error | boolean): void;
}

/** A `pg.Pool`, or anything that hands out connections as it does. */
export interface ConnectionPool extends Queryable {
  /** Takes a connection out of the pool. */
  connect(): Promise<PooledConnection>;
}

/**
 * Where a call goes: a `pg.Pool`, a `pg.Client`, a `PoolClient`, or anything with the same
 * `query(text, values) → { rows, rowCount }`. The types are structural, so any version of `pg` fits. With a pool the
 * library takes a connection of its own; with a client it works on that one, inside the client's open transaction where
 * there is one.
 */
export type Database = Queryable | ConnectionPool;

/** A `pg.Client` has a `connect` as well, but it also escapes literals, and what a pool handed out can be released. */
export function isPool(db: Database): db is ConnectionPool {
  return 'connect' in db && typeof db.connect === 'function' && !('release' in db) && !('escapeLiteral' in db);
}
