import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import pg from 'pg';
import { type CodeMix, chooser } from './codes.js';
import { designs, insertRows, previews, type Redeem } from './designs.js';
import type { PreviewRole, RedemptionRole } from './roles.js';

/** What a process that brings load is told once. */
export interface LoadSettings {
  role: RedemptionRole;
  /** Whether codes are previewed, and not redeemed. */
  previews?: boolean;
  url: string;
  schema: string;
  mix: CodeMix;
  callers: number;
  /** Connections, at the most. */
  pool: number;
  /** Tells the processes apart. */
  number: number;
}

/** A round: what happens in `runInMs`, right after a checkpoint, is not counted. */
export interface Round {
  runInMs: number;
  durationMs: number;
}

/** What it answers after a round. */
export interface LoadResult {
  redeemed: number;
  seconds: number;
  /** Latencies in microseconds, as many as were redeemed, in the compressed form of HdrHistogram. */
  latencies: string;
}

const settings: LoadSettings = JSON.parse(process.argv[2]!);
const pool = new pg.Pool({ connectionString: settings.url, max: settings.pool });
pool.on('error', () => {});
const next = chooser(settings.mix, settings.number);
const connect = settings.previews ? previews[settings.role as PreviewRole] : designs[settings.role];
const redeem: Redeem = connect(pool, settings.schema);
let customers = 0;
function newCustomer(): string {
  customers += 1;
  return `customer-${settings.number}-${customers}`;
}

process.on('message', (times: Round) => {
  void round(times).then(
    (result) => process.send!(result),
    (error: Error) => process.send!({ error: String(error.stack) }),
  );
});
process.on('disconnect', () => process.exit());
process.send!('ready');

async function round({ runInMs, durationMs }: Round): Promise<LoadResult> {
  const latencies = build({ highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3 });
  const from = performance.now() + runInMs;
  const until = from + durationMs;
  const redeemed =
    settings.role === 'bareRows' ? await insertBatches(from, until) : await redeemUntil(from, until, latencies);
  const seconds = (performance.now() - from) / 1_000;
  return { redeemed, seconds, latencies: encodeIntoCompressedBase64(latencies) };
}

/** Every caller asks again as soon as it has its answer. Counted is what is answered from `from` on. */
async function redeemUntil(from: number, until: number, latencies: Histogram): Promise<number> {
  let redeemed = 0;
  const caller = async () => {
    for (let sent = performance.now(); sent < until; ) {
      await redeem(next(), newCustomer());
      const answered = performance.now();
      if (answered >= from) {
        latencies.recordValue(Math.max(1, Math.round((answered - sent) * 1_000)));
        redeemed += 1;
      }
      sent = answered;
    }
  };
  await Promise.all(Array.from({ length: settings.callers }, caller));
  return redeemed;
}

async function insertBatches(from: number, until: number): Promise<number> {
  const send = insertRows(pool, settings.schema);
  let rows = 0;
  for (let now = performance.now(); now < until; ) {
    await send(Array.from({ length: settings.callers }, newCustomer));
    now = performance.now();
    if (now >= from) rows += settings.callers;
  }
  return rows;
}
