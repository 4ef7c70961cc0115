import type pg from 'pg';
import type { ConnectionPool, QueryResultLike } from '../../src/index';

/** Sends a statement on, on the connection that it was meant for. */
export type Send = (text: string, values?: unknown[]) => Promise<QueryResultLike>;

/** A pool of which every statement, on whichever of its connections, goes through a function of the test. */
export function intercepted(
  pool: pg.Pool,
  intercept: (text: string, values: unknown[] | undefined, send: Send) => Promise<QueryResultLike>,
): ConnectionPool {
  return {
    query: (text, values) => intercept(text, values, (...statement) => pool.query(...statement)),
    connect: async () => {
      const client = await pool.connect();
      return {
        query: (text, values) => intercept(text, values, (...statement) => client.query(...statement)),
        release: (error) => client.release(error),
      };
    },
  };
}
