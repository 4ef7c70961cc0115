import type { ConnectionPool, PooledConnection, QueryResultLike } from '../postgres/database.js';
import type { NamedStatement } from './client.js';

/** What a pool is made of. */
export interface PoolParts {
  connect(): Promise<PooledConnection>;
  /** How many connections there are and may be, where that is known, as `pg.Pool` shows it. */
  totalCount: number | undefined;
  options: { max?: number };
}

const pools = new WeakMap<object, ConnectionPool>();

/** The pool of a database: always the same one, since the library remembers what it has found out about a pool. */
export function poolOf(database: object, parts: PoolParts): ConnectionPool {
  const known = pools.get(database);
  if (known) return known;
  const pool: ConnectionPool & PoolParts = {
    ...parts,
    async query(statement: string | NamedStatement, values?: unknown[]): Promise<QueryResultLike> {
      const connection = await parts.connect();
      let isUsable = false;
      try {
        const result = await connection.query(statement as string, values);
        isUsable = true;
        return result;
      } finally {
        connection.release(!isUsable);
      }
    },
  };
  pools.set(database, pool);
  return pool;
}
