import { type Comparison, compare, type Panel } from '../comparison.js';
import { library } from '../library.js';
import { startLoad } from '../redemption/load.js';
import { alternateLoads } from '../redemption/turns.js';
import { mapSamples } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import { freshTables } from './redemption.js';
import type { Workload } from './workload.js';

const CALLERS = [1, 64];
const POOL = 10;
const CODES = 1_000;

const panel: Panel = { title: 'Redemptions with and without a history', unit: '/s' };
const nameOf = (callers: number) => `history-${callers}`;

/** The same load on the same tables, with and without a record of what happens. */
export const history: Workload = {
  names: ['history', ...CALLERS.map(nameOf)],
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
  const samples = await alternateLoads(bench, turns, ['plain', 'ours'] as const, async (role) => {
    const schema = await freshTables(bench, 'ours', CODES, `history_${role}`);
    if (role === 'ours') await library.installTriggers(bench.pool, { schema, history: true });
    const mix = { codes: CODES, choice: 'uniform' as const };
    return { schema, load: await startLoad({ role: 'ours', schema, mix, callers, url: bench.url, pool: POOL }, 1) };
  });
  return compare(
    {
      name: nameOf(callers),
      shortName: `${callers} ${callers === 1 ? 'caller' : 'callers'}`,
      what: `${callers} callers redeem 1,000 codes`,
      panel,
      reference: 'plain',
      labels: { plain: 'without history', ours: 'with history' },
      // A cost of at most 1.5.
      goal: { direction: 'at least', limit: 1 / 1.5 },
    },
    mapSamples(samples, ({ rate }) => rate),
  );
}
