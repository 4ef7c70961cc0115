import type pg from 'pg';
import { codeOf, connect, isConnectionLoss } from '../connection';
import type { Codes } from './codes';
import { type Operation, pickOperation } from './operations';
import type { Tally } from './tally';

/** How the connections of the load call themselves, so that some of them can be picked out and ended. */
export const LOAD_NAME = 'demo load';

const FOREIGN_KEY_VIOLATION = '23503';
const DEADLOCK = '40P01';

/** One of the many connections: operation after operation, and a new connection whenever the last one was lost. */
export class Worker {
  /** When the last operation was done. */
  lastDone = 0;
  #next: Operation;

  /** With a first operation given, so that none is left to chance alone. */
  constructor(first: Operation) {
    this.#next = first;
  }

  async run(url: string, codes: Codes, tally: Tally, isOver: () => boolean): Promise<void> {
    let client: pg.Client | undefined;
    while (!isOver()) {
      client = await this.#serve(client ?? (await connect(url, LOAD_NAME)), codes, tally);
    }
    await client?.end();
  }

  /** Gives the connection back while it is usable. */
  async #serve(client: pg.Client, codes: Codes, tally: Tally): Promise<pg.Client | undefined> {
    const operation = this.#next;
    this.#next = pickOperation();
    try {
      tally.record(operation, await operation.run(client, codes));
      this.lastDone = performance.now();
      return operation.endsConnection ? undefined : client;
    } catch (error) {
      return this.#recover(client, error, tally);
    }
  }

  /** What can happen to any application. Everything else is not expected, and ends the demo. */
  async #recover(client: pg.Client, error: unknown, tally: Tally): Promise<pg.Client | undefined> {
    if (isConnectionLoss(error)) {
      tally.connectionsLost += 1;
      return undefined;
    }
    if (codeOf(error) === FOREIGN_KEY_VIOLATION) tally.refused += 1;
    else if (codeOf(error) === DEADLOCK) tally.deadlocks += 1;
    else throw error;
    try {
      await client.query('ROLLBACK');
      return client;
    } catch {
      return undefined;
    }
  }
}
