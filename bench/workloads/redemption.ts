import { SEED_TRIGGERS } from '../../tests/support/host-tables.js';
import { type Comparison, compare, type Goal, judge, type Panel } from '../comparison.js';
import { count } from '../format.js';
import { library } from '../library.js';
import type { CodeMix } from '../redemption/codes.js';
import { type RoundFigures, startDelay, startLoad } from '../redemption/load.js';
import { type RedemptionRole, triggersOf } from '../redemption/roles.js';
import { alternateLoads } from '../redemption/turns.js';
import { mapSamples, ratiosOf } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import type { Workload } from './workload.js';

interface Situation {
  name: string;
  shortName: string;
  mix: CodeMix;
  callers: number;
  processes?: number;
  delayMs?: number;
  /** Whether `--quick` measures it. */
  quick?: boolean;
  /** Only these designs; all of them otherwise. */
  roles?: readonly RedemptionRole[];
  rate?: number;
  p99?: number;
  /** The part of the bare rows, in batches of as many as there are callers, that ours should reach. */
  ofRows?: number;
}

const HOT: CodeMix = { codes: 1, choice: 'uniform' };
const THOUSAND: CodeMix = { codes: 1_000, choice: 'uniform' };
const ZIPF: CodeMix = { codes: 1_000, choice: 'zipf' };
const MAIN = ['seed', 'unbatched', 'ours'] as const;

const situations: readonly Situation[] = [
  { name: 'hot-1', shortName: 'one code, 1 caller', mix: HOT, callers: 1, quick: true, rate: 2, p99: 1 / 2 },
  { name: 'hot-16', shortName: 'one code, 16 callers', mix: HOT, callers: 16 },
  { name: 'hot-64', shortName: 'one code, 64 callers', mix: HOT, callers: 64, quick: true, rate: 30, p99: 1 / 20 },
  {
    ...{ name: 'hot-256', shortName: 'one code, 256 callers', mix: HOT, callers: 256, quick: true },
    ...{ rate: 25, p99: 1 / 15, ofRows: 1 / 3 },
  },
  {
    ...{ name: 'hot-4x32', shortName: 'one code, 4 processes × 32', mix: HOT, callers: 32, processes: 4, quick: true },
    ...{ roles: MAIN, rate: 15 },
  },
  {
    ...{ name: 'hot-64-1ms', shortName: 'one code, 64 callers, 1 ms', mix: HOT, callers: 64, delayMs: 1, quick: true },
    ...{ roles: MAIN, rate: 50 },
  },
  { name: 'codes-1', shortName: '1,000 codes, 1 caller', mix: THOUSAND, callers: 1, roles: MAIN },
  {
    name: 'codes-64',
    shortName: '1,000 codes, 64 callers',
    mix: THOUSAND,
    callers: 64,
    quick: true,
    rate: 8,
    p99: 1 / 5,
  },
  { name: 'codes-256', shortName: '1,000 codes, 256 callers', mix: THOUSAND, callers: 256, roles: MAIN },
  { name: 'zipf-64', shortName: 'Zipf codes, 64 callers', mix: ZIPF, callers: 64, roles: MAIN },
  {
    ...{ name: 'codes-64-1ms', shortName: '1,000 codes, 64 callers, 1 ms', mix: THOUSAND, callers: 64, delayMs: 1 },
    ...{ roles: MAIN },
  },
];

const rates: Panel = { title: 'Redemptions', unit: '/s', logarithmic: true };
const latencies: Panel = { title: 'Latency of a redemption, 99 of 100 callers', unit: 'ms', logarithmic: true };

const labels: Record<RedemptionRole, string> = {
  seed: "the seed's five round trips",
  campaignRow: 'five round trips under the row of a campaign',
  onRead: 'counted on read',
  optimistic: 'optimistic locking',
  unbatched: 'pg-promo-codes, batching: false',
  ours: 'pg-promo-codes',
  bareInsert: 'bare insert of a row',
  bareUpdate: 'bare update of the counter',
  bareRows: 'bare rows, as many as callers at once',
};

/** Connections that a process may have; pg.Pool has 10 unless told otherwise. */
const POOL = 10;

/** Callers who redeem, each again as soon as it has its answer. */
export const redemption: Workload = {
  names: ['redemption', ...situations.map(({ name }) => name)],
  async run(bench, only) {
    const comparisons: Comparison[] = [];
    for (const situation of situations) {
      if (only ? only !== situation.name : bench.quick && !situation.quick) continue;
      comparisons.push(...(await measure(bench, situation)));
    }
    return comparisons;
  },
};

async function measure(bench: Workbench, situation: Situation): Promise<Comparison[]> {
  const { name, mix, callers, processes = 1, delayMs = 0, ofRows } = situation;
  const turns = bench.quick
    ? { rounds: 3, durationMs: 400, runInMs: 100 }
    : { rounds: 8, durationMs: 700, runInMs: 300 };
  const roles = rolesOf(situation, bench.quick);
  bench.progress(
    `${name}: ${turns.rounds} rounds of ${turns.runInMs} + ${turns.durationMs} ms of ${roles.length} designs`,
  );
  const delay = delayMs > 0 ? await startDelay(bench.url, delayMs) : undefined;
  try {
    const samples = await alternateLoads(bench, turns, roles, async (role) => {
      const schema = await freshTables(bench, role, mix.codes);
      const load = await startLoad({ role, schema, mix, callers, url: delay?.url ?? bench.url, pool: POOL }, processes);
      return { schema, load, counts: triggersOf[role] !== 'none' };
    });
    return comparisonsOf(situation, samples, ofRows);
  } finally {
    delay?.close();
  }
}

function rolesOf({ roles, ofRows }: Situation, quick: boolean): readonly RedemptionRole[] {
  if (roles) return quick ? roles.filter((role) => role !== 'unbatched') : roles;
  const all = (Object.keys(triggersOf) as RedemptionRole[]).filter((role) => role !== 'campaignRow');
  const wanted = quick ? (['seed', 'ours', 'bareRows'] as const) : all;
  return wanted.filter((role) => role !== 'bareRows' || ofRows !== undefined);
}

function comparisonsOf(situation: Situation, samples: Map<string, RoundFigures[]>, ofRows?: number): Comparison[] {
  const { name, shortName, callers, processes = 1, mix, delayMs = 0, rate, p99 } = situation;
  const typed = samples as Parameters<typeof mapSamples<RoundFigures, number>>[0];
  const spec = {
    shortName,
    what: `${processes > 1 ? `${processes} processes of ` : ''}${callers} callers redeem ${count(mix.codes)} codes (${mix.choice}), ${delayMs} ms added`,
    reference: 'seed' as const,
    labels,
  };
  const byRate = mapSamples(typed, (figures) => figures.rate);
  const ofRate = compare(
    { ...spec, name, panel: rates, ...(rate && { goal: { direction: 'at least' as const, limit: rate } }) },
    byRate,
  );
  const rows = byRate.get('bareRows');
  if (rows && ofRows !== undefined) ofRate.goals.push(goalOfRows(byRate.get('ours')!, rows, ofRows));
  const waiting = mapSamples(typed, (figures) => figures.p99);
  waiting.delete('bareRows');
  const ofP99 = compare(
    {
      ...spec,
      name: `${name} p99`,
      panel: latencies,
      ...(p99 && { goal: { direction: 'at most' as const, limit: p99 } }),
    },
    waiting,
  );
  return [ofRate, ofP99];
}

function goalOfRows(ours: number[], rows: number[], limit: number): Goal {
  return judge({
    of: `${labels.ours} ÷ ${labels.bareRows}`,
    direction: 'at least',
    limit,
    value: ratiosOf(ours, rows).median,
    unit: '×',
  });
}

/** Tables of one design, with so many codes and no uses. */
export async function freshTables(
  bench: Workbench,
  role: RedemptionRole,
  codes: number,
  label = `redemption_${role.toLowerCase()}`,
): Promise<string> {
  const schema = await bench.freshSchema(label);
  const triggers = triggersOf[role];
  await library.installSchema(bench.pool, { schema });
  if (triggers !== 'ours') await library.uninstallTriggers(bench.pool, { schema });
  if (triggers === 'seed') await bench.client.query(SEED_TRIGGERS.replaceAll(':"schema"', schema));
  await bench.client.query(
    ['promo_codes', 'promo_code_uses']
      .map((table) => `ALTER TABLE ${schema}.${table} SET (autovacuum_enabled = false)`)
      .join('; '),
  );
  await bench.client.query(
    `INSERT INTO ${schema}.promo_codes (code, shop_id, bonus_value, end_date)
     SELECT 'CODE-' || n, 'shop', 5, now() + interval '30 days' FROM generate_series(1, $1::integer) AS n`,
    [codes],
  );
  return schema;
}
