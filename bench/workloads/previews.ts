import { type Comparison, compare, type Panel } from '../comparison.js';
import { count } from '../format.js';
import { startLoad } from '../redemption/load.js';
import { alternateLoads } from '../redemption/turns.js';
import { mapSamples } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import { freshTables } from './redemption.js';
import type { Workload } from './workload.js';

/** Callers, and codes that they ask for. */
const CASES = [
  { callers: 1, codes: 1 },
  { callers: 64, codes: 1 },
  { callers: 64, codes: 1_000 },
] as const;
type Case = (typeof CASES)[number];
const POOL = 10;

const panel: Panel = { title: 'Previews of codes', unit: '/s', logarithmic: true };
const nameOf = ({ callers, codes }: Case) => `validate-${callers}-callers-${codes}-codes`;

/** Previews that share statements, against those of which each has its own. */
export const previews: Workload = {
  names: ['validate', ...CASES.map(nameOf)],
  async run(bench, only) {
    const comparisons: Comparison[] = [];
    for (const one of CASES) {
      if (only === undefined || only === nameOf(one)) comparisons.push(await measure(bench, one));
    }
    return comparisons;
  },
};

async function measure(bench: Workbench, one: Case): Promise<Comparison> {
  const { callers, codes } = one;
  const turns = bench.quick
    ? { rounds: 3, durationMs: 400, runInMs: 100 }
    : { rounds: 12, durationMs: 700, runInMs: 300 };
  bench.progress(`${nameOf(one)}: ${turns.rounds} rounds of ${turns.runInMs} + ${turns.durationMs} ms`);
  const samples = await alternateLoads(bench, turns, ['unbatched', 'ours'] as const, async (role) => {
    const schema = await freshTables(bench, 'ours', codes, `previews_${role}`);
    const mix = { codes, choice: 'uniform' as const };
    const settings = { role, previews: true, schema, mix, callers, url: bench.url, pool: POOL };
    return { schema, load: await startLoad(settings, 1) };
  });
  const who = `${callers} ${callers === 1 ? 'caller' : 'callers'}`;
  const which = `${count(codes)} ${codes === 1 ? 'code' : 'codes'}`;
  return compare(
    {
      name: nameOf(one),
      shortName: `${who}, ${which}`,
      what: `${who} preview ${which}`,
      panel,
      reference: 'unbatched',
      labels: { unbatched: 'a statement each', ours: 'shared statements' },
      goal: { direction: 'at least', limit: callers > 1 ? 5 : 0.9 },
    },
    mapSamples(samples, ({ rate }) => rate),
  );
}
