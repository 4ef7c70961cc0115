import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import pg from 'pg';
import { type CodeMix, chooser } from './codes.js';
import { designs, insertRows, type Redeem, type RedemptionRole } from './designs.js';

/** What a process that brings load is told once. */
export interface LoadSettings {
  role: RedemptionRole;
  url: string;
  schema: string;
  mix: CodeMix;
  callers: number;
  /** Connections, at the most. */
  pool: number;
  /** Tells the processes apart. */
  number: number;
}

/** What it answers after a round of `durationMs`. */
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
const redeem: Redeem = designs[settings.role].connect(pool, settings.schema);
let customers = 0;
function newCustomer(): string {
  customers += 1;
  return `customer-${settings.number}-${customers}`;
}

process.on('message', (durationMs: number) => {
  void round(durationMs).then(
    (result) => process.send!(result),
    (error: Error) => process.send!({ error: String(error.stack) }),
  );
});
process.on('disconnect', () => process.exit());
process.send!('ready');

async function round(durationMs: number): Promise<LoadResult> {
  const latencies = build({ highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3 });
  const start = performance.now();
  const until = start + durationMs;
  const redeemed = settings.role === 'bareRows' ? await insertBatches(until) : await redeemUntil(until, latencies);
  const seconds = (performance.now() - start) / 1_000;
  return { redeemed, seconds, latencies: encodeIntoCompressedBase64(latencies) };
}

/** Every caller asks again as soon as it has its answer. */
async function redeemUntil(until: number, latencies: Histogram): Promise<number> {
  let redeemed = 0;
  const caller = async () => {
    do {
      const sent = performance.now();
      await redeem(next(), newCustomer());
      latencies.recordValue(Math.max(1, Math.round((performance.now() - sent) * 1_000)));
      redeemed += 1;
    } while (performance.now() < until);
  };
  await Promise.all(Array.from({ length: settings.callers }, caller));
  return redeemed;
}

async function insertBatches(until: number): Promise<number> {
  const send = insertRows(pool, settings.schema);
  let rows = 0;
  do {
    await send(Array.from({ length: settings.callers }, newCustomer));
    rows += settings.callers;
  } while (performance.now() < until);
  return rows;
}
