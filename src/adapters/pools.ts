import type { ConnectionPool, PooledConnection, QueryResultLike } from '../postgres/database.js';
import { faultOf } from '../postgres/faults.js';
import { type NamedStatement, statementOf } from './client.js';

/** Runs a statement; without values also several. */
export type Run = (text: string, values: unknown[]) => Promise<QueryResultLike>;

/** A library with connections of its own, which it does not hand out. */
export interface Connections {
  /** Waits until one is free. */
  available(): Promise<void>;
  /** Runs a statement outside of transactions. */
  run: Run;
  /** Runs the work in a transaction of the library, which commits it, or rolls back where the work throws. */
  begin(modes: string, work: (run: Run) => Promise<void>): Promise<unknown>;
}

/** What a pool shows of itself, as `pg.Pool` does. */
export interface PoolSize {
  /** How many connections there are and may be, where that is known. */
  totalCount: number | undefined;
  options: { max?: number };
}

const pools = new WeakMap<object, ConnectionPool>();

/** The pool of a database: always the same one, since the library remembers what it has found out about a pool. */
export function poolOf(database: object, size: PoolSize, connections: Connections): ConnectionPool {
  const known = pools.get(database);
  if (known) return known;
  const connect = async (): Promise<PooledConnection> => {
    try {
      await connections.available();
      pool.totalCount = size.totalCount;
    } catch (error) {
      // Otherwise the error of the next attempt would say that all connections are in use.
      if (faultOf(error) === 'unreached') pool.totalCount = 0;
      throw error;
    }
    return new Session(connections);
  };
  const pool: ConnectionPool & PoolSize = {
    ...size,
    connect,
    query: async (statement: string | NamedStatement, values?: unknown[]) =>
      (await connect()).query(statement as string, values),
  };
  pools.set(database, pool);
  return pool;
}

/** Thrown to have the library roll back. */
class RolledBack extends Error {}

interface OpenTransaction {
  run: Run;
  /** Lets the library end it. */
  end(how: 'COMMIT' | 'ROLLBACK'): void;
  /** Settles when it is over; with an error where it was not committed. */
  over: Promise<unknown>;
  /** Why nothing more can be sent in it. */
  lost?: { error: unknown };
}

/**
 * What a pool hands out, without a connection of its own: the library keeps others out of a transaction where it has begun
 * it itself, so the statements that begin and end one become its method, and every other statement goes wherever it likes.
 */
class Session implements PooledConnection {
  readonly #connections: Connections;
  #open: OpenTransaction | undefined;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async query(statement: string | NamedStatement, given?: unknown[]): Promise<QueryResultLike> {
    const { text, values } = statementOf(statement, given);
    const [, modes] = /^BEGIN\b\s*(.*)$/.exec(text) ?? [];
    if (modes !== undefined) this.#open = await this.#begin(modes);
    else if (text === 'COMMIT' || text === 'ROLLBACK') await this.#end(text);
    else return this.#run(text, values);
    return { rows: [], rowCount: null };
  }

  /** A transaction that is still open is undone, when the server has answered what is under way in it. */
  release(): void {
    this.#end('ROLLBACK').catch(() => undefined);
  }

  #run(text: string, values: unknown[]): Promise<QueryResultLike> {
    if (!this.#open) return this.#connections.run(text, values);
    if (this.#open.lost) return Promise.reject(this.#open.lost.error);
    return this.#open.run(text, values);
  }

  #begin(modes: string): Promise<OpenTransaction> {
    return new Promise((resolve, reject) => {
      let open: OpenTransaction | undefined;
      const over = this.#connections.begin(
        modes,
        (run) =>
          new Promise((commit, rollBack) => {
            const end = (how: 'COMMIT' | 'ROLLBACK') => (how === 'COMMIT' ? commit() : rollBack(new RolledBack()));
            open = { run, end, over: Promise.resolve().then(() => over) };
            resolve(open);
          }),
      );
      over.catch((error: unknown) => {
        if (open) open.lost = { error };
        reject(error);
      });
    });
  }

  async #end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    open?.end(how);
    await open?.over.catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error;
    });
  }
}

/** Sends nothing more after the connection is gone: postgres.js ends the process where somebody does. */
export function untilLost(run: Run): Run {
  let lost: { error: unknown } | undefined;
  return async (text, values) => {
    if (lost) throw lost.error;
    try {
      return await run(text, values);
    } catch (error) {
      if (['broken', 'unreached'].includes(faultOf(error))) lost = { error };
      throw error;
    }
  };
}
