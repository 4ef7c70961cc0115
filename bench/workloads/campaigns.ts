import { defaultLibrarySchema } from '../../src/host/library-schema.js';
import { type Comparison, compare, judge, type Panel } from '../comparison.js';
import { requireTrueCounters } from '../host.js';
import { library } from '../library.js';
import { type RoundFigures, startLoad } from '../redemption/load.js';
import { alternate, mapSamples, ratiosOf } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import { freshTables } from './redemption.js';
import type { Workload } from './workload.js';

const CALLERS = [1, 64];
const POOL = 10;
const CODES = 1_000;

const panel: Panel = { title: 'Redemptions of a campaign', unit: '/s', logarithmic: true };
const labels = {
  plain: 'pg-promo-codes, one code without a campaign',
  ours: 'pg-promo-codes, a campaign of 1,000 codes',
  campaignRow: 'five round trips under the row of a campaign',
};
const nameOf = (callers: number) => `campaign-${callers}`;

/** Callers of all codes of one campaign, against those of one code, which are as much in each other's way. */
export const campaigns: Workload = {
  names: ['campaigns', ...CALLERS.map(nameOf)],
  async run(bench, only) {
    const comparisons: Comparison[] = [];
    for (const callers of CALLERS) {
      if (only === undefined || only === nameOf(callers)) comparisons.push(await measure(bench, callers));
    }
    return comparisons;
  },
};

async function measure(bench: Workbench, callers: number): Promise<Comparison> {
  const [rounds, durationMs, runInMs] = bench.quick ? [3, 400, 100] : [12, 700, 300];
  bench.progress(`${nameOf(callers)}: ${rounds} rounds of ${runInMs} + ${durationMs} ms`);
  const contenders = [];
  const closers: (() => void)[] = [];
  try {
    for (const role of ['plain', 'ours', 'campaignRow'] as const) {
      const design = role === 'plain' ? 'ours' : role;
      const codes = role === 'plain' ? 1 : CODES;
      const schema = await freshTables(bench, design, codes, `campaigns_${role.toLowerCase()}`);
      if (role === 'ours') await putIntoCampaign(bench, schema);
      if (role === 'campaignRow')
        await bench.client.query(
          `CREATE TABLE ${schema}.campaigns (id integer PRIMARY KEY, times_used integer NOT NULL) WITH (fillfactor = 50);
           INSERT INTO ${schema}.campaigns VALUES (1, 0)`,
        );
      const mix = { codes, choice: 'uniform' as const };
      const load = await startLoad({ role: design, schema, mix, callers, url: bench.url, pool: POOL }, 1);
      closers.push(load.close);
      contenders.push({
        role,
        schema,
        prepare: () => bench.settle(schema),
        round: () => load.round({ durationMs, runInMs }),
      });
    }
    const samples = await alternate<RoundFigures>(contenders, rounds);
    for (const { schema } of contenders) await requireTrueCounters(bench, schema);
    const rates = mapSamples(samples, ({ rate }) => rate);
    const comparison = compare(
      {
        name: nameOf(callers),
        shortName: `${callers} ${callers === 1 ? 'caller' : 'callers'}`,
        what: `${callers} callers redeem 1,000 codes of one campaign, or one code`,
        panel,
        reference: 'plain',
        labels,
        ...(callers > 1 && { goal: { direction: 'at least' as const, limit: 0.7 } }),
      },
      rates,
    );
    if (callers > 1) {
      const { median } = ratiosOf(rates.get('ours')!, rates.get('campaignRow')!);
      const of = `${labels.ours} ÷ ${labels.campaignRow}`;
      comparison.goals.push(judge({ of, direction: 'at least', limit: 20, value: median, unit: '×' }));
    }
    return comparison;
  } finally {
    for (const close of closers) close();
  }
}

/** All codes of a schema, with limits that nobody reaches. */
async function putIntoCampaign(bench: Workbench, schema: string): Promise<void> {
  const own = defaultLibrarySchema(schema);
  await bench.client.query(
    `WITH made AS (
       INSERT INTO ${own}.promo_code_campaigns (shop_id, name, total_usage_limit, per_customer_limit)
       VALUES ('shop', 'campaign', 1000000000, 1) RETURNING id
     )
     INSERT INTO ${own}.promo_code_campaign_codes (promo_code_id, campaign_id)
     SELECT c.id, made.id FROM ${schema}.promo_codes AS c CROSS JOIN made`,
  );
  // With the index by which a customer is counted over all codes.
  await library.installTriggers(bench.pool, { schema });
}
