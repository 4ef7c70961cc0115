import type { ConnectionPool } from '../postgres/database.js';

/** What node-postgres shows of a client. */
interface Client {
  processID?: unknown;
  on?(event: 'error', listener: () => void): unknown;
}

/** The clients that were taken out of a pool during a test. */
export interface Borrowed {
  /** The connection of this backend is about to be closed by the server, and nobody but the test knows of it. */
  expectEnd(pid: number): void;
  /** Notes no more clients. */
  stop(): void;
}

type Listen = (event: 'acquire' | 'remove' | 'error', listener: (client: Client) => void) => unknown;

const ignore = (): void => undefined;

/**
 * Notes who is taken out of the pool. When the server closes the connection of a client, node-postgres tells the client, or the
 * pool where the client was given back; where nobody listens for `'error'` there, the process would end.
 */
export function borrowedFrom(pool: ConnectionPool): Borrowed {
  const { on, off } = pool as { on?: Listen; off?: Listen };
  const clients = new Set<Client>();
  const note = (client: Client): void => void clients.add(client);
  if (on && off) on.call(pool, 'acquire', note);
  return {
    expectEnd(pid) {
      for (const client of clients) {
        if (client.processID !== pid) continue;
        clients.delete(client);
        client.on?.('error', ignore);
        if (on && off) ignoreUntilRemoved(client);
      }
    },
    stop() {
      if (on && off) off.call(pool, 'acquire', note);
    },
  };

  function ignoreUntilRemoved(client: Client): void {
    const forget = (removed: Client): void => {
      if (removed !== client) return;
      off?.call(pool, 'remove', forget);
      // The pool may tell of the removal first, and of the error right after it.
      setImmediate(() => off?.call(pool, 'error', ignore));
    };
    on?.call(pool, 'error', ignore);
    on?.call(pool, 'remove', forget);
  }
}
