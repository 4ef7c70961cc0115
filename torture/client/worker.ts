// A client process of a campaign: `worker JSON`. It runs until it is told to stop, or is killed.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { openLog } from '../log.js';
import { seededRandom } from '../random.js';
import { DEADLINE_MS, type DesignName, SLACK_MS } from '../settings.js';
import { applicationCounters, fiveRoundTrips } from './designs.js';
import { librarySubject } from './library.js';
import { Process } from './process.js';
import type { Pools, Subject } from './subject.js';
import { type ChangedCodes, Workload } from './workload.js';

/** What a client process has to know. */
export interface WorkerSettings {
  /** The process, with the number of its start. */
  name: string;
  seed: number;
  url: string;
  schema: string;
  design: DesignName;
  callers: number;
  logFile: string;
  codes: ChangedCodes;
}

/** A caller that has not got its answer by then begins something else; the call goes on. */
const GIVE_UP_MS = DEADLINE_MS + SLACK_MS;
const PAUSE_MS = [2, 60] as const;

const subjects: Record<DesignName, (pools: Pools, schema: string) => Subject> = {
  library: librarySubject,
  'five-round-trips': fiveRoundTrips,
  'application-counters': applicationCounters,
};

const settings: WorkerSettings = JSON.parse(process.argv[2]!);
const random = seededRandom(settings.seed, settings.name);
const log = openLog(settings.logFile);
const hostSettings = { connectionTimeoutMillis: 3_000, query_timeout: 5_000 };
const isLibrary = settings.design === 'library';
const pools: Pools = {
  // The library has to settle its calls without any of the host's timeouts, and to live with connections that break at any
  // moment; the other designs have nothing else.
  main: isLibrary ? openPool(10) : carefully(openPool(10, hostSettings)),
  host: carefully(openPool(4, hostSettings)),
  patient: openPool(2, hostSettings),
};
const client = new Process(settings.name, subjects[settings.design](pools, settings.schema), pools.host, log);
const workload = new Workload(client, random, settings.seed, settings.codes);

let isStopping = false;
let stopNow = () => {};
const stopping = new Promise<void>((resolve) => {
  stopNow = resolve;
});
const underWay = new Set<Promise<void>>();
process.on('disconnect', () => process.exit());
process.on('message', () => {
  isStopping = true;
  stopNow();
});
const callers = Array.from({ length: settings.callers }, caller);
process.send?.('ready');
await Promise.all(callers);
// Whoever is not settled after this has no end in the log, and is found by that.
await Promise.race([Promise.all(underWay), sleep(GIVE_UP_MS + 1_000)]);
log.write({ t: 'stop', at: Date.now() });
process.exit();

function openPool(max: number, more: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: settings.url, max, ...more });
  pool.on('error', () => {});
  return pool;
}

/** A connection may break in the moment in which the pool hands it out, before whoever asked for it can listen. */
function carefully(pool: pg.Pool): pg.Pool {
  return pool.on('connect', (client) => client.on('error', () => {}));
}

async function caller(): Promise<void> {
  while (!isStopping) {
    const step = workload.step().finally(() => underWay.delete(step));
    underWay.add(step);
    await Promise.race([step, sleep(GIVE_UP_MS), stopping]);
    await sleep(random.between(...PAUSE_MS));
  }
}
