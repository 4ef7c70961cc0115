import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { SeenBreach } from './checker/check.js';
import { findBreaches } from './checker/rows.js';

/** A look at all counters and limits, again and again while the campaign runs. */
export interface Snapshots {
  readonly breaches: SeenBreach[];
  readonly taken: number;
  stop(): Promise<void>;
}

const SHORTEST_PAUSE_MS = 250;
/** A look may cost this part of a processor at the most. */
const SHARE = 0.1;
const KEPT = 2_000;

export function startSnapshots(url: () => string, schema: string): Snapshots {
  const breaches: SeenBreach[] = [];
  let taken = 0;
  let isStopped = false;
  let client: pg.Client | undefined;

  const look = async () => {
    if (!client) {
      client = new pg.Client({ connectionString: url(), connectionTimeoutMillis: 3_000, query_timeout: 10_000 });
      client.on('error', () => {});
      await client.connect();
    }
    for (const breach of await findBreaches(client, schema)) {
      if (breaches.length < KEPT) breaches.push({ ...breach, at: Date.now() });
    }
    taken += 1;
  };
  const run = async () => {
    while (!isStopped) {
      const from = Date.now();
      await look().catch(async () => {
        // The server is down, or another one by now.
        await client?.end().catch(() => {});
        client = undefined;
      });
      await sleep(Math.max(SHORTEST_PAUSE_MS, (Date.now() - from) / SHARE));
    }
    await client?.end().catch(() => {});
  };
  const running = run();
  return {
    breaches,
    get taken() {
      return taken;
    },
    stop() {
      isStopped = true;
      return running;
    },
  };
}
