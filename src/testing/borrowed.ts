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

type Listen = (event: 'acquire', listener: (client: Client) => void) => unknown;

const ignore = (): void => undefined;

/**
 * Notes who is taken out of the pool. A client of node-postgres that is out of its pool has no listener for `'error'`: when
 * the server closes its connection the process would end.
 */
export function borrowedFrom(pool: ConnectionPool): Borrowed {
  const { on, off } = pool as { on?: Listen; off?: Listen };
  const clients = new Set<Client>();
  const note = (client: Client): void => void clients.add(client);
  if (on && off) on.call(pool, 'acquire', note);
  return {
    expectEnd(pid) {
      for (const client of clients) if (client.processID === pid) client.on?.('error', ignore);
    },
    stop() {
      if (on && off) off.call(pool, 'acquire', note);
    },
  };
}
