import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { connect, isConnectionLoss } from '../connection';
import { expect } from '../expect';
import type { Demo } from '../lifecycle';
import type { Tally } from './tally';
import { LOAD_NAME } from './worker';

const KILL_EVERY_MS = 150;
const RESTART_LIMIT_MS = 20_000;

/** Ends one backend after another, by preference one that is in the middle of writing. */
export async function terminateBackends(url: string, tally: Tally, isOver: () => boolean): Promise<void> {
  let client: pg.Client | undefined;
  while (!isOver()) {
    try {
      client ??= await connect(url, 'demo disasters');
      const { rows } = await client.query<{ ended: boolean; writing: boolean }>(
        `SELECT pg_terminate_backend(pid) AS ended, writing
           FROM (SELECT pid, backend_xid IS NOT NULL AS writing FROM pg_stat_activity
                  WHERE application_name = $1 AND datname = current_database()
                  ORDER BY writing DESC, random() LIMIT 1) AS victim`,
        [LOAD_NAME],
      );
      if (rows[0]?.ended) tally.recordTermination(rows[0].writing);
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      client = undefined;
    }
    await sleep(KILL_EVERY_MS);
  }
  await client?.end();
}

/** Why a crash is out of the question on this server; `undefined` where it is not. */
export function reasonNotToCrash({ server }: Demo): string | undefined {
  if (server.shared) return 'the server at TEST_DATABASE_URL is not ours to crash';
  if (process.platform === 'win32') return 'Windows has no SIGKILL';
  return undefined;
}

/**
 * Kills one backend process by SIGKILL. PostgreSQL must then assume that shared memory is damaged: it ends every other
 * connection, and recovers from its log. The backend is made to kill itself, through the shell that it starts for COPY:
 * so it is the right process on the right machine, also inside a container.
 *
 * @returns the milliseconds until the server answered again.
 */
export async function crashServer(url: string): Promise<number> {
  const client = await connect(url, 'demo disasters');
  const before = await startOfCheckpointer(client);
  const start = performance.now();
  const outcome = await client.query(`COPY (SELECT) TO PROGRAM 'kill -KILL $PPID'`).then(
    () => 'and it is alive',
    (error: unknown) => (isConnectionLoss(error) ? undefined : `and it said: ${error}`),
  );
  expect(outcome === undefined, `the backend should have died of SIGKILL, ${outcome}`);

  await untilRestarted(url, before, start + RESTART_LIMIT_MS);
  return performance.now() - start;
}

/** A server that has not yet noticed the death of a backend still lets clients in, and then ends their connections too. */
async function untilRestarted(url: string, before: string | undefined, limit: number): Promise<void> {
  let after = before;
  while (after === before) {
    expect(performance.now() < limit, 'PostgreSQL should have restarted its processes after the crash');
    const client = await connect(url, 'demo disasters');
    try {
      after = (await startOfCheckpointer(client)) ?? before;
      await client.end();
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
    }
  }
}

/** It is a process of the server itself, so a new one is proof of a restart. */
async function startOfCheckpointer(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ start: string }>(
    `SELECT backend_start::text AS start FROM pg_stat_activity WHERE backend_type = 'checkpointer'`,
  );
  return rows[0]?.start;
}

export async function switchOffTrigger(url: string): Promise<void> {
  const client = await connect(url, 'demo disasters');
  await client.query('ALTER TABLE promo_code_uses DISABLE TRIGGER promo_code_uses_delete_trigger');
  await client.end();
}
