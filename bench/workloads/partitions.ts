import { type Comparison, compare, type Goal, judge, type Panel } from '../comparison.js';
import { count } from '../format.js';
import { requireTrueCounters } from '../host.js';
import { library } from '../library.js';
import { type RoundFigures, startLoad } from '../redemption/load.js';
import { alternateLoads } from '../redemption/turns.js';
import { alternate, type Contender, mapSamples, milliseconds, ratiosOf, type Samples } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import type { Workload } from './workload.js';

const PARTITIONS = 64;
const CODES = 1_000;
const POOL = 10;
const CALLERS = [1, 64] as const;

const layouts = ['plain', 'hash', 'range'] as const;
type Layout = (typeof layouts)[number];
type Partitioned = Exclude<Layout, 'plain'>;

const labels = {
  plain: 'a plain table',
  hash: `${PARTITIONS} partitions by hash of the code`,
  range: `${PARTITIONS} partitions by time`,
};

/** What a partitioned table may take of the time of one redemption, and has to reach of the rate of many callers. */
const goals: Record<Partitioned, { time: number; rate: number }> = {
  hash: { time: 1.2, rate: 0.85 },
  range: { time: 1.6, rate: 0.6 },
};

const times: Panel = { title: 'A redemption, one caller', unit: 'ms' };
const rates: Panel = { title: 'Redemptions of one code, 64 callers', unit: '/s' };
const bulkNames = (['hash', 'range'] as const).map((layout) => `partitions-bulk-${layout}`);

/** A table of uses that is partitioned, against a plain one; and its triggers, against none. */
export const partitions: Workload = {
  names: ['partitions', ...CALLERS.map(nameOf), ...bulkNames],
  async run(bench, only) {
    const isChosen = (name: string) => only === undefined || only === name;
    const comparisons: Comparison[] = [];
    const schemas = new Map<Layout, string>();
    for (const callers of CALLERS) {
      if (isChosen(nameOf(callers))) comparisons.push(await measureCallers(bench, callers, schemas));
    }
    for (const layout of ['hash', 'range'] as const) {
      if (isChosen(`partitions-bulk-${layout}`)) comparisons.push(...(await measureBulk(bench, layout)));
    }
    return comparisons;
  },
};

function nameOf(callers: number): string {
  return `partitions-${callers}`;
}

async function measureCallers(bench: Workbench, callers: number, schemas: Map<Layout, string>): Promise<Comparison> {
  const turns = bench.quick
    ? { rounds: 5, durationMs: 400, runInMs: 150 }
    : { rounds: 15, durationMs: 700, runInMs: 300 };
  bench.progress(`${nameOf(callers)}: ${turns.rounds} rounds of ${turns.runInMs} + ${turns.durationMs} ms`);
  const samples = await alternateLoads(bench, turns, layouts, async (layout) => {
    const schema = schemas.get(layout) ?? (await freshUses(bench, layout, bench.quick ? 100_000 : 500_000));
    schemas.set(layout, schema);
    // Other callers have had these customers.
    await bench.client.query(`DELETE FROM ${schema}.promo_code_uses WHERE customer_address LIKE 'customer-%'`);
    const mix = { codes: 1, choice: 'uniform' as const };
    return { schema, load: await startLoad({ role: 'ours', schema, mix, callers, url: bench.url, pool: POOL }, 1) };
  });
  const isAlone = callers === 1;
  const figures = mapSamples(samples as Samples<RoundFigures>, ({ rate, median }) => (isAlone ? median : rate));
  const comparison = compare(
    {
      name: nameOf(callers),
      shortName: isAlone ? 'median' : `${callers} callers`,
      what: `${callers} callers redeem one code, in tables with so many uses already`,
      panel: isAlone ? times : rates,
      reference: 'plain',
      labels,
    },
    figures,
  );
  comparison.goals.push(...(['hash', 'range'] as const).map((layout) => goalOf(layout, isAlone, figures)));
  return comparison;
}

function goalOf(layout: Partitioned, isAlone: boolean, figures: Samples<number>): Goal {
  const { time, rate } = goals[layout];
  return judge({
    of: `${labels[layout]} ÷ ${labels.plain}`,
    ...(isAlone ? { direction: 'at most', limit: time } : { direction: 'at least', limit: rate }),
    value: ratiosOf(figures.get(layout)!, figures.get('plain')!).median,
    unit: '×',
  });
}

/** One statement with many uses of one code, and one that deletes them: with triggers and without, with the same indexes. */
async function measureBulk(bench: Workbench, layout: Partitioned): Promise<Comparison[]> {
  const rows = bench.quick ? 10_000 : 50_000;
  const rounds = bench.quick ? 3 : 12;
  bench.progress(`partitions-bulk-${layout}: ${rounds} rounds of ${count(rows)} rows`);
  const samples = await alternate(
    (['plain', 'ours'] as const).map((role) => bulkContender(bench, layout, role, rows)),
    rounds,
  );
  return (['insert', 'delete'] as const).map((what) =>
    compare(
      {
        name: `partitions-bulk-${layout} ${what}`,
        shortName: `${layout}, ${what}`,
        what: `one statement ${what}s ${count(rows)} uses of one code, in ${labels[layout]}`,
        panel: { title: `One statement, ${count(rows)} uses of one code, partitioned`, unit: 'ms' },
        reference: 'plain',
        labels: { plain: 'no triggers', ours: 'pg-promo-codes' },
        goal: { direction: 'at most', limit: 1.3 },
      },
      mapSamples(samples, (figures) => figures[what]),
    ),
  );
}

function bulkContender(
  bench: Workbench,
  layout: Partitioned,
  role: 'plain' | 'ours',
  rows: number,
): Contender<{ insert: number; delete: number }> {
  let schema = '';
  return {
    role,
    async prepare() {
      schema = await freshUses(bench, layout, 0, role);
      await bench.settle(schema);
    },
    async round() {
      const insert = await milliseconds(() => bench.client.query(insertUses(schema, '7'), [rows]));
      if (role === 'ours') await requireTrueCounters(bench, schema);
      await bench.settle(schema);
      const deletion = await milliseconds(() => bench.client.query(`DELETE FROM ${schema}.promo_code_uses`));
      if (role === 'ours') await requireTrueCounters(bench, schema);
      return { insert, delete: deletion };
    },
  };
}

/** Uses of the months of the partitions up to now. */
function insertUses(schema: string, code: string): string {
  return `INSERT INTO ${schema}.promo_code_uses
            (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward, used_at)
          SELECT ${code}, 'earlier-' || n, 'shop', 10, 5, 15, now() - (n % 1850) * interval '1 day'
            FROM generate_series(1, $1::integer) AS n`;
}

const KEYS: Record<Layout, string> = { plain: 'id', hash: 'promo_code_id, id', range: 'id, used_at' };

/** Tables with 1,000 codes and so many uses, with the indexes of the library, whoever counts. */
async function freshUses(
  bench: Workbench,
  layout: Layout,
  uses: number,
  role: 'plain' | 'ours' = 'ours',
): Promise<string> {
  const { client, pool } = bench;
  const schema = await bench.freshSchema(`partitions_${layout}_${role}`);
  await library.installSchema(pool, { schema });
  await library.uninstallTriggers(pool, { schema });
  const partitionBy = { plain: '', hash: 'PARTITION BY HASH (promo_code_id)', range: 'PARTITION BY RANGE (used_at)' };
  await client.query(
    `DROP TABLE ${schema}.promo_code_uses;
     CREATE TABLE ${schema}.promo_code_uses (
       id bigint GENERATED BY DEFAULT AS IDENTITY, promo_code_id bigint NOT NULL REFERENCES ${schema}.promo_codes ON DELETE CASCADE,
       customer_address text NOT NULL, shop_id text NOT NULL, transaction_id text,
       base_reward numeric(18,2) NOT NULL DEFAULT 0, bonus_amount numeric(18,2) NOT NULL DEFAULT 0,
       total_reward numeric(18,2) NOT NULL DEFAULT 0, used_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (${KEYS[layout]})
     ) ${partitionBy[layout]};
     CREATE INDEX ON ${schema}.promo_code_uses (promo_code_id, lower(btrim(customer_address)));
     ${layout === 'hash' ? `CREATE INDEX ON ${schema}.promo_code_uses (id);` : ''}
     INSERT INTO ${schema}.promo_codes (code, shop_id, bonus_value, end_date)
     SELECT 'CODE-' || n, 'shop', 5, now() + interval '30 days' FROM generate_series(1, ${CODES}) AS n`,
  );
  for (let part = 0; layout !== 'plain' && part < PARTITIONS; part += 1) {
    const bound = layout === 'hash' ? `WITH (MODULUS ${PARTITIONS}, REMAINDER ${part})` : await monthOf(bench, part);
    await client.query(
      `CREATE TABLE ${schema}.uses_${part} PARTITION OF ${schema}.promo_code_uses FOR VALUES ${bound}`,
    );
  }
  await client.query(
    `DO $$ DECLARE part regclass; BEGIN
       FOR part IN SELECT relid FROM pg_partition_tree('${schema}.promo_code_uses') WHERE isleaf
        UNION SELECT '${schema}.promo_code_uses'::regclass WHERE ${layout === 'plain'}
        UNION SELECT '${schema}.promo_codes'::regclass
       LOOP EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', part); END LOOP; END $$`,
  );
  if (uses > 0) await client.query(insertUses(schema, `1 + n % ${CODES}`), [uses]);
  if (role === 'ours') await library.installTriggers(pool, { schema });
  return schema;
}

/** Of thirty days; the last but one begins today. */
async function monthOf({ client }: Workbench, part: number): Promise<string> {
  const { rows } = await client.query<{ bound: string }>(
    `SELECT format('FROM (%L) TO (%L)', today + $1 * interval '30 days', today + ($1 + 1) * interval '30 days') AS bound
       FROM date_trunc('day', now()) AS today`,
    [part - PARTITIONS + 2],
  );
  return rows[0]!.bound;
}
