import { defaultLibrarySchema } from '../../src/host/library-schema.js';
import { type Comparison, compare, judge, type Panel } from '../comparison.js';
import { library } from '../library.js';
import { startLoad } from '../redemption/load.js';
import { alternateLoads } from '../redemption/turns.js';
import { mapSamples, ratiosOf } from '../side-by-side.js';
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
  const turns = bench.quick
    ? { rounds: 3, durationMs: 400, runInMs: 100 }
    : { rounds: 12, durationMs: 700, runInMs: 300 };
  bench.progress(`${nameOf(callers)}: ${turns.rounds} rounds of ${turns.runInMs} + ${turns.durationMs} ms`);
  const samples = await alternateLoads(bench, turns, ['plain', 'ours', 'campaignRow'] as const, async (role) => {
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
    return { schema, load: await startLoad({ role: design, schema, mix, callers, url: bench.url, pool: POOL }, 1) };
  });
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
