import { type Comparison, compare, type Goal, judge } from '../comparison.js';
import { count } from '../format.js';
import { library } from '../library.js';
import { alternate, milliseconds, type Role } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import { bareAggregate, filledHost, requireCount, seedCheck } from './drift.js';
import type { Workload } from './workload.js';

const CODES = 100_000;
const USES = 10_000_000;
const MEBIBYTE = 1_048_576;

/** The comparison of counters with rows on a big table, and what it asks of Node.js. */
export const bigDrift: Workload = {
  names: ['big-drift', 'check-big', 'check-big-covered'],
  async run(bench) {
    if (bench.quick) return [];
    bench.progress(`big-drift: ${count(USES)} uses of ${count(CODES)} codes`);
    const schema = await filledHost(bench, CODES, USES, 'big');
    const plain = await checked(bench, schema, 'check-big', 'check');
    plain.goals.push(await parallelWorkers(bench, schema), await memoryOfStreaming(bench, schema));
    await bench.client.query(
      `CREATE INDEX covering ON ${schema}.promo_code_uses (promo_code_id) INCLUDE (bonus_amount)`,
    );
    await bench.settle(schema);
    const covered = await checked(bench, schema, 'check-big-covered', 'check, covering index');
    covered.goals.push(await indexOnly(bench, schema));
    return [plain, covered];
  },
};

async function checked({ pool }: Workbench, schema: string, name: string, shortName: string): Promise<Comparison> {
  const contenders: [Role, () => Promise<unknown>][] = [
    ['plain', () => pool.query(bareAggregate(schema))],
    ['ours', async () => requireCount(0, (await library.checkDrift(pool, { schema })).length)],
    ['seed', async () => requireCount(0, (await pool.query(seedCheck(schema))).rows.length)],
  ];
  return compare(
    {
      panel: { title: `${count(USES)} uses of ${count(CODES)} codes`, unit: 'ms' },
      reference: 'plain',
      name,
      shortName,
      what: `all counters against ${count(USES)} uses of ${count(CODES)} codes`,
      labels: { plain: 'bare aggregate', ours: 'checkDrift', seed: "the seed's query" },
      goal: { direction: 'at most', limit: 1.15 },
    },
    await alternate(
      contenders.map(([role, work]) => ({ role, round: () => milliseconds(work) })),
      5,
    ),
  );
}

async function planOf({ client }: Workbench, schema: string): Promise<string> {
  const { rows } = await client.query(`EXPLAIN (ANALYZE, COSTS off) ${library.renderSql('drift', { schema })}`);
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

async function parallelWorkers(bench: Workbench, schema: string): Promise<Goal> {
  const [, launched] = /Workers Launched: (\d+)/.exec(await planOf(bench, schema)) ?? [];
  const of = 'parallel workers of checkDrift';
  return judge({ of, direction: 'at least', limit: 1, value: Number(launched ?? 0), unit: '' });
}

async function indexOnly(bench: Workbench, schema: string): Promise<Goal> {
  const scans = (await planOf(bench, schema)).match(/Index Only Scan using covering/g) ?? [];
  return judge({
    of: 'index-only scans of checkDrift',
    direction: 'at least',
    limit: 1,
    value: scans.length,
    unit: '',
  });
}

/** While every code is reported, so that whoever kept them would show it. */
async function memoryOfStreaming({ pool, client }: Workbench, schema: string): Promise<Goal> {
  await client.query(`UPDATE ${schema}.promo_codes SET times_used = times_used + 1`);
  const before = process.memoryUsage().rss;
  let most = before;
  let found = 0;
  for await (const _ of library.streamDrift(pool, { schema })) {
    found += 1;
    if (found % 1_000 === 0) most = Math.max(most, process.memoryUsage().rss);
  }
  requireCount(CODES, found);
  await client.query(`UPDATE ${schema}.promo_codes SET times_used = times_used - 1`);
  const of = `MiB that Node.js grows while streamDrift reports ${count(CODES)} codes`;
  return judge({ of, direction: 'at most', limit: 64, value: (most - before) / MEBIBYTE, unit: '' });
}
