import { parseArgs } from 'node:util';
import { redeemUnderCuts } from '../tests/support/under-cuts.js';
import { library } from './library.js';
import { openWorkbench } from './workbench.js';

const HELP = `npx tsx bench/under-cuts.ts [options]

  Callers of one code behind a network that cuts one of the open connections every few milliseconds. Prints how many calls
  were acknowledged, and whether each of them has exactly one use; ends with exit code 1 below 99 of 100.

  --seconds 60   how long calls begin
  --callers 24
  --every 15     milliseconds from one cut to the next
  --all          all open connections are cut each time, not one of them
  --burners 2    processes that burn a processor each meanwhile
  --url url      a server; default: one that is started
`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    callers: { type: 'string', default: '24' },
    every: { type: 'string', default: '15' },
    all: { type: 'boolean', default: false },
    burners: { type: 'string', default: '2' },
    url: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const bench = await openWorkbench({ url: values.url, quick: true });
  try {
    const schema = await bench.freshSchema('under_cuts');
    await library.installSchema(bench.pool, { schema });
    const code = { code: 'CUT', shopId: 'shop' };
    await new library.PromoCodeRepository(bench.pool, { schema }).create({ ...code, bonusValue: 5 });
    const figures = await redeemUnderCuts({
      ...{ url: bench.url, schema, code, all: values.all },
      callers: Number(values.callers),
      durationMs: Number(values.seconds) * 1_000,
      everyMs: Number(values.every),
      burners: Number(values.burners),
      make: (pool, options) => new library.PromoCodeRepository(pool, options),
    });
    const { rows } = await bench.client.query<{ customer: string; ids: string[] }>(
      `SELECT customer_address AS customer, array_agg(id::text) AS ids FROM ${schema}.promo_code_uses GROUP BY 1`,
    );
    const recorded = new Map(rows.map(({ customer, ids }) => [customer, ids]));
    const wrong = [...figures.acknowledged].filter(([customer, id]) => String(recorded.get(customer)) !== id);
    const share = figures.acknowledged.size / figures.calls;
    process.stdout.write(
      [
        `calls ${figures.calls}, acknowledged ${figures.acknowledged.size} (${(100 * share).toFixed(2)} %)`,
        `cuts ${figures.cuts}, slowest call ${Math.round(figures.slowestMs)} ms`,
        `errors ${JSON.stringify(Object.fromEntries(figures.errors))}`,
        `acknowledged without exactly their use: ${wrong.length}`,
        `drift: ${(await library.checkDrift(bench.pool, { schema })).length}`,
        '',
      ].join('\n'),
    );
    if (share < 0.99 || wrong.length > 0) process.exitCode = 1;
  } finally {
    await bench.close();
  }
}
