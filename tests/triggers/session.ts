import type pg from 'pg';
import { onTestFinished } from 'vitest';
import { backendPid, endBackend, eventually, type TestSchema, waitUntilBlocked } from '../support';

/** A connection for one test: whatever it still holds or waits for when the test ends is gone with it. */
export interface Session {
  readonly client: pg.Client;
  /** Runs a query, with names expanded. */
  sql<R extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<R>>;
}

export async function session(t: TestSchema, changes: Parameters<TestSchema['client']>[0] = {}): Promise<Session> {
  const client = await t.client(changes);
  const pid = backendPid(client);
  onTestFinished(async () => {
    await endBackend(t.pool, pid);
    await client.end().catch(() => undefined);
  });
  return { client, sql: (text, values) => client.query(t.expand(text), values) };
}

export function sessions(t: TestSchema, count: number): Promise<Session[]> {
  return Promise.all(Array.from({ length: count }, () => session(t)));
}

/** Waits until the work is done (or has failed), or its session waits for a lock: either may be right. */
export async function settledOrBlocked(t: TestSchema, { client }: Session, work: Promise<unknown>): Promise<void> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  work.then(note, note);
  await eventually(async () => {
    if (!settled) await waitUntilBlocked(t.pool, client, { timeoutMs: 0 });
  });
}
