import { type CancellableClient, cancelStatement } from './cancel.js';
import type { ConnectionPool, PooledConnection, Queryable, QueryResultLike } from './database.js';
import { NoAnswer } from './faults.js';
import { alarmIn, endAlarm, now } from './timers.js';

/** A connection that was taken out of a pool, with a limit for everything that is waited for on it. */
export interface Lease extends Queryable {
  /** Whether anything was sent on it. */
  readonly sent: boolean;
  /** Milliseconds after which the driver gives a statement up by itself (`query_timeout`), where it does. */
  readonly givesUpAfterMs: number | undefined;
  /** What is under way changes nothing: where it gets no answer it is ended in the server as well. */
  isReading: boolean;
  /** Waits for `work`; when it takes longer, the connection is destroyed and `NoAnswer` thrown. */
  within<Result>(limitMs: number, work: Promise<Result>): Promise<Result>;
  /** Gives the connection back to the pool. */
  release(): void;
  /** Closes the connection: its state is in doubt, or nobody may have it any more. Also when its peer is silent. */
  destroy(): void;
}

/** No connection came out of the pool in time. */
export class NoConnection extends NoAnswer {
  /** @param allOut whether all connections of the pool were in use, as far as the pool shows it */
  constructor(
    waitedMs: number,
    readonly allOut: boolean,
  ) {
    super(waitedMs);
    this.message = allOut
      ? `no client of the pool became free within ${Math.round(waitedMs)} ms`
      : `no connection was made within ${Math.round(waitedMs)} ms`;
  }
}

/**
 * Takes a connection out of the pool. One that comes after the limit goes back at once.
 *
 * It is asked for with a callback, which node-postgres calls while it reads what the server sent: from that moment on a
 * listener stands ready for `'error'`. With a promise there would be a gap in which an error that came in the same packet
 * found no listener and ended the process. Pools that know nothing of callbacks answer with their promise.
 *
 * @throws what the pool throws, or NoConnection
 */
export function takeConnection(pool: ConnectionPool, limitMs: number): Promise<Lease> {
  return new Promise((resolve, reject) => {
    const began = now();
    const state = pool as PoolState;
    const clients = state._clients?.length;
    let answered: PooledConnection | undefined;
    let done = false;
    const finish = (act: () => void): void => {
      if (done) return;
      done = true;
      endAlarm(alarm);
      act();
    };
    const alarm = alarmIn(limitMs, () => {
      finish(() => {
        const waited = now() - began;
        const isExhausted = allOut(state);
        closeUnconnected(state, waited);
        reject(new NoConnection(waited, isExhausted));
      });
    });
    const give = (connection: PooledConnection | undefined): void => {
      // A pool that takes a callback and gives a promise as well has handed out one connection, not two.
      if (!connection || connection === answered) return;
      answered = connection;
      if (done) connection.release();
      else {
        const lease = new LeasedConnection(connection);
        finish(() => resolve(lease));
      }
    };
    const fail = (error: unknown): void => finish(() => reject(error));
    try {
      const connect = pool.connect as unknown as (
        callback: (error: unknown, connection: PooledConnection | undefined) => void,
      ) => unknown;
      const promise = connect.call(pool, (error, connection) => (error ? fail(error) : give(connection)));
      noteConnecting(state, clients, began);
      if (isThenable(promise)) promise.then(give as (value: unknown) => void, fail);
    } catch (error) {
      fail(error);
    }
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Waits for `work`; when it takes longer, `NoAnswer` is thrown, after `onLimit` has ended what can be ended. */
export function withLimit<Result>(limitMs: number, work: Promise<Result>, onLimit: () => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    const alarm = alarmIn(limitMs, () => {
      onLimit();
      reject(new NoAnswer(limitMs));
    });
    work.then(
      (value) => {
        endAlarm(alarm);
        resolve(value);
      },
      (error: unknown) => {
        endAlarm(alarm);
        reject(error);
      },
    );
  });
}

const ignore = (): void => undefined;

/** What node-postgres has beside `query`. */
interface DriverConnection extends PooledConnection, CancellableClient {
  on?(event: 'error', listener: () => void): unknown;
  off?(event: 'error', listener: () => void): unknown;
  connection?: { stream?: { destroy?(): unknown } };
  connectionParameters?: { query_timeout?: unknown };
}

class LeasedConnection implements Lease {
  readonly #connection: DriverConnection;
  #open = true;
  sent = false;
  isReading = false;
  readonly processID: unknown;

  constructor(connection: DriverConnection) {
    this.#connection = connection;
    // node-postgres emits 'error' on a connection that breaks; without a listener that would end the host's process.
    connection.on?.('error', ignore);
    if (connection.processID !== undefined) this.processID = connection.processID;
  }

  get givesUpAfterMs(): number | undefined {
    const limit = Number(this.#connection.connectionParameters?.query_timeout);
    return limit > 0 ? limit : undefined;
  }

  query(text: string, values?: unknown[]): Promise<QueryResultLike> {
    if (!this.#open) return Promise.reject(new Error('Connection terminated: it was given up before'));
    this.sent = true;
    return this.#connection.query(text, values);
  }

  within<Result>(limitMs: number, work: Promise<Result>): Promise<Result> {
    return withLimit(limitMs, work, () => this.destroy());
  }

  release(): void {
    this.#close(false);
  }

  destroy(): void {
    this.#close(true);
  }

  #close(destroy: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    if (!destroy) this.#connection.off?.('error', ignore);
    else if (this.isReading && this.sent) cancelStatement(this.#connection);
    this.#connection.release(destroy);
    // The pool says goodbye and waits for the peer, which may be silent for ever. The listener stays for what comes of it.
    if (destroy) this.#connection.connection?.stream?.destroy?.();
  }
}

/**
 * Whether statements have to go through the pool's own `query`: the host has put something in its place, such as one that
 * sets a tenant, or the pool is not one of node-postgres. Whoever only wraps `connect` beside it means transactions.
 */
export function hasOwnQuery(pool: ConnectionPool): boolean {
  for (let owner: object | null = pool; owner !== null; owner = Object.getPrototypeOf(owner)) {
    if (Object.hasOwn(owner, 'query')) return !(Object.hasOwn(owner, 'connect') && Object.hasOwn(owner, 'totalCount'));
  }
  return true;
}

/** A statement that goes through the pool's own `query`, which takes a connection and gives it back by itself. */
export class PoolQuery implements Lease {
  readonly #pool: ConnectionPool;
  #open = true;
  sent = false;
  /** Nothing is known of the connection that the pool takes. */
  isReading = false;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  get givesUpAfterMs(): number | undefined {
    const limit = Number((this.#pool as PoolState).options?.query_timeout);
    return limit > 0 ? limit : undefined;
  }

  query(text: string, values?: unknown[]): Promise<QueryResultLike> {
    if (!this.#open) return Promise.reject(new Error('Connection terminated: it was given up before'));
    this.sent = true;
    return this.#pool.query(text, values);
  }

  within<Result>(limitMs: number, work: Promise<Result>): Promise<Result> {
    return withLimit(limitMs, work, () => this.destroy());
  }

  release(): void {
    this.#open = false;
  }

  destroy(): void {
    this.#open = false;
  }
}

/** What `pg.Pool` shows of itself, and what it keeps to itself. */
interface PoolState {
  totalCount?: number;
  options?: { max?: number; query_timeout?: unknown };
  _clients?: UnconnectedClient[];
}

interface UnconnectedClient {
  _connecting?: boolean;
  _connected?: boolean;
  connection?: { stream?: { destroy?(): unknown } };
}

const isConnecting = (client: UnconnectedClient): boolean => client._connecting === true && client._connected === false;

/** When connections that are being made were first seen. */
const connectingSince = new WeakMap<object, number>();

/** A connection that the pool makes for the caller who has just asked. */
function noteConnecting({ _clients }: PoolState, before: number | undefined, time: number): void {
  const newest = _clients?.at(-1);
  if (newest && before !== undefined && _clients!.length > before) connectingSince.set(newest, time);
}

/** A connection that is made takes less, however far away the server is. */
const SILENT_MS = 3_000;

/**
 * Without `connectionTimeoutMillis` a pool waits for a peer that went silent while the connection was made for as long as
 * the operating system does, or for ever, and has a place less meanwhile.
 */
function closeUnconnected({ _clients }: PoolState, waitedMs: number): void {
  const time = now();
  for (const client of _clients?.filter(isConnecting) ?? []) {
    const since = connectingSince.get(client);
    if (since === undefined) connectingSince.set(client, time);
    else if (time - since >= Math.max(waitedMs - 1, SILENT_MS)) client.connection?.stream?.destroy?.();
  }
}

/** Whether the host has all connections; where a pool does not show it, nothing else is known to keep it from answering. */
function allOut({ totalCount, options, _clients }: PoolState): boolean {
  if (_clients?.some(isConnecting)) return false;
  return totalCount === undefined || options?.max === undefined || totalCount >= options.max;
}
