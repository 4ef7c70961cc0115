import { type Comparison, compare, type Panel } from '../comparison.js';
import { count } from '../format.js';
import { designNames, freshHost, requireTrueCounters } from '../host.js';
import { alternate, type Contender, mapSamples, milliseconds, type Role } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import type { Workload } from './workload.js';

const ROWS = 50_000;
/** The row trigger's time grows with the square of the rows: minutes for the full number, a second for these. */
const ROWS_OF_QUICK_SEED = 5_000;

interface Figures {
  insert: number;
  delete: number;
}

/** One statement that inserts many uses of one code, and one that deletes them. */
export const bulk: Workload = {
  names: ['bulk-insert', 'bulk-delete'],
  async run(bench) {
    if (!bench.quick) return measure(bench, { rows: ROWS, rounds: 15, seedRounds: 3 });
    return [
      ...(await measure(bench, { rows: ROWS, rounds: 3, seedRounds: 0 })),
      ...(await measure(bench, { rows: ROWS_OF_QUICK_SEED, rounds: 3, seedRounds: 3 })),
    ];
  },
};

interface Size {
  rows: number;
  rounds: number;
  seedRounds: number;
}

async function measure(bench: Workbench, { rows, rounds, seedRounds }: Size): Promise<Comparison[]> {
  const seed = { ...contender(bench, 'seed', rows), rounds: seedRounds };
  const contenders = [contender(bench, 'plain', rows), contender(bench, 'ours', rows)];
  bench.progress(`bulk: ${rounds} rounds of ${count(rows)} rows, the seed's row triggers in ${seedRounds} of them`);
  const samples = await alternate(seedRounds > 0 ? [...contenders, seed] : contenders, rounds);

  const full = rows === ROWS;
  const panel: Panel = { title: `One statement, ${count(rows)} uses of one code`, unit: 'ms', logarithmic: true };
  const shared = { panel, reference: 'plain', labels: designNames } as const;
  const suffix = full ? '' : `-${rows}`;
  return [
    compare(
      {
        ...shared,
        name: `bulk-insert${suffix}`,
        shortName: 'insert',
        what: `one statement inserts ${count(rows)} uses of one code`,
        ...(full && { goal: { direction: 'at most', limit: 1.3 } }),
      },
      mapSamples(samples, (figures) => figures.insert),
    ),
    compare(
      {
        ...shared,
        name: `bulk-delete${suffix}`,
        shortName: 'delete',
        what: `one statement deletes them`,
        ...(full && { goal: { direction: 'at most', limit: 2 } }),
      },
      mapSamples(samples, (figures) => figures.delete),
    ),
  ];
}

function contender(bench: Workbench, design: Role, rows: number): Contender<Figures> {
  let schema = '';
  return {
    role: design,
    async prepare() {
      schema = await freshHost(bench, { design, codes: 1 });
      await bench.settle(schema);
    },
    async round() {
      const insert = await milliseconds(() =>
        bench.client.query(
          `INSERT INTO ${schema}.promo_code_uses
             (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
           SELECT 1, 'customer-' || n, 'shop', 10, 5, 15 FROM generate_series(1, $1::integer) AS n`,
          [rows],
        ),
      );
      if (design !== 'plain') await requireTrueCounters(bench, schema);
      await bench.settle(schema);
      const deletion = await milliseconds(() => bench.client.query(`DELETE FROM ${schema}.promo_code_uses`));
      if (design !== 'plain') await requireTrueCounters(bench, schema);
      return { insert, delete: deletion };
    },
  };
}
