import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

/** Anything of node-postgres that runs queries. */
interface Queryable {
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<R>>;
}

/** What a blocked backend waits for, as in pg_stat_activity. */
export interface Blocked {
  readonly pid: number;
  /** The kind of lock: `transactionid`, `tuple`, `relation`, `advisory` and so on. */
  readonly lock: string;
  /** The backends that hold or come before it. */
  readonly blockers: number[];
}

/**
 * A meeting point for `n` callers: `await barrier.arrive()` returns for all of them at once, when the last has come.
 * After that it is ready for the next round.
 */
export function barrier(n: number): { arrive(): Promise<void> } {
  let waiting: (() => void)[] = [];
  return {
    arrive: () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length < n) return;
        const all = waiting;
        waiting = [];
        for (const go of all) go();
      }),
  };
}

/** The process of the server behind a connection, known without asking, so also while the connection is blocked. */
export function backendPid(client: pg.ClientBase): number {
  const { processID } = client as unknown as { processID: number | null };
  if (!processID) throw new Error('The client is not connected');
  return processID;
}

/** Ends a backend and waits until it has gone. (The wait of pg_terminate_backend looks every 100 ms only.) */
export async function endBackend(watcher: Queryable, pid: number): Promise<void> {
  await watcher.query('select pg_terminate_backend($1)', [pid]);
  await eventually(
    async () => {
      const { rows } = await watcher.query('select from pg_stat_activity where pid = $1', [pid]);
      if (rows.length > 0) throw new Error(`Backend ${pid} was ended and is still there`);
    },
    { intervalMs: 2 },
  );
}

/**
 * Waits until the backend waits for a lock, so that a race is provoked and never slept for.
 * @param watcher runs the looking; it must not be the blocked connection itself
 */
export async function waitUntilBlocked(
  watcher: Queryable,
  target: number | pg.ClientBase,
  options: { timeoutMs?: number } = {},
): Promise<Blocked> {
  const pid = typeof target === 'number' ? target : backendPid(target);
  const limit = Date.now() + (options.timeoutMs ?? 10_000);
  for (;;) {
    const { rows } = await watcher.query<Blocked & { state: string; type: string | null; query: string }>(
      `select pid, wait_event as lock, pg_blocking_pids(pid) as blockers, state, wait_event_type as type, query
         from pg_stat_activity where pid = $1`,
      [pid],
    );
    const seen = rows[0];
    // Waiting for a table to grow is over by itself.
    if (seen?.type === 'Lock' && seen.lock !== 'extend') return { pid, lock: seen.lock, blockers: seen.blockers };
    if (Date.now() > limit) {
      const instead = seen ? `it is ${seen.state}, waits for ${seen.type ?? 'nothing'}: ${seen.query}` : 'it has gone';
      throw new Error(`Backend ${pid} was expected to wait for a lock, but ${instead}`);
    }
    await sleep(3);
  }
}

/** Repeats `fn` until it no longer throws, and gives its result; after the limit, throws what it threw last. */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  options: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const limit = Date.now() + (options.timeoutMs ?? 5_000);
  for (;;) {
    try {
      return await fn();
    } catch (error) {
      if (Date.now() > limit) throw error;
      await sleep(options.intervalMs ?? 20);
    }
  }
}
