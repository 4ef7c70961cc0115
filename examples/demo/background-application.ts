import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { connect, cut, isConnectionLoss } from './connection';
import type { Demo } from './lifecycle';
import { randomBonus, redeem } from './old-application';

const PAUSE_MS = 4;
/** The share of the requests that die between their two statements. */
const CRASHES = 0.05;

/** The old application, at work while the demo does something else. */
export interface BackgroundApplication {
  /** Waits for something else, but not when the application fails meanwhile. */
  during<Result>(work: Promise<Result>): Promise<Result>;
  /** How long each request since the last call took, in milliseconds. */
  takeRequests(): number[];
  stop(): Promise<void>;
}

export function runOldApplication(demo: Demo, clients: number, codeIds: readonly number[]): BackgroundApplication {
  let stopped = false;
  let requests: number[] = [];

  const serve = async () => {
    let client: pg.Client | undefined;
    while (!stopped && !demo.signal.aborted) {
      client ??= await connect(demo.url, 'old application');
      const codeId = codeIds[Math.floor(Math.random() * codeIds.length)]!;
      const start = performance.now();
      client = await serveRequest(client, codeId);
      requests.push(performance.now() - start);
      await sleep(Math.random() * PAUSE_MS);
    }
    await client?.end();
  };

  const serving = Promise.all(Array.from({ length: clients }, serve));
  const failed = new Promise<never>((_, reject) => serving.catch(reject));
  failed.catch(() => {});
  return {
    during: (work) => Promise.race([work, failed]),
    takeRequests() {
      const taken = requests;
      requests = [];
      return taken;
    },
    async stop() {
      stopped = true;
      await serving;
    },
  };
}

/** Gives the connection back, unless the process "died" with it. */
async function serveRequest(client: pg.Client, codeId: number): Promise<pg.Client | undefined> {
  const crashes = Math.random() < CRASHES;
  try {
    await redeem(client, codeId, randomBonus(), () => crashes && cut(client));
    return client;
  } catch (error) {
    if (crashes && isConnectionLoss(error)) return undefined;
    throw error;
  }
}
