import type { PromoCodeRepository, RedeemInput } from '../../src/index.js';
import { type Comparison, compare, type Panel } from '../comparison.js';
import { library } from '../library.js';
import { alternate, spreadOf } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import type { Workload } from './workload.js';

const CODES = 20_000;
const DAY = 86_400_000;
const SHOP = 'shop';

const panel: Panel = { title: 'One guess, with uniformRefusals', unit: 'ms' };

/** What a guesser may try that is none, or is no more: by what it is, and how it is made. */
const KNOWN = {
  inactive: { isActive: false },
  expired: { startDate: new Date(Date.now() - 2 * DAY), endDate: new Date(Date.now() - DAY) },
  'used up': { totalUsageLimit: 1 },
} as const;
type Kind = keyof typeof KNOWN;
const kinds = Object.keys(KNOWN) as Kind[];

const METHODS = {
  validate: (repository: PromoCodeRepository, { baseReward: _, ...asked }: RedeemInput) => repository.validate(asked),
  redeem: (repository: PromoCodeRepository, request: RedeemInput) => repository.redeem(request),
};
const methods = Object.keys(METHODS) as (keyof typeof METHODS)[];

/** Whether the time of an answer tells a code that is there from one that is not. */
export const guessing: Workload = {
  names: ['guessing'],
  async run(bench) {
    const rounds = bench.quick ? 3 : 15;
    const calls = bench.quick ? 30 : 150;
    bench.progress(`guessing: ${rounds} rounds of ${calls} guesses of each kind`);
    const repository = await shopOf(bench);
    const comparisons: Comparison[] = [];
    for (const method of methods)
      for (const kind of kinds) {
        const guess = (code: string) => () => medianOf(calls, () => METHODS[method](repository, guessOf(code)));
        const samples = await alternate<number>(
          [
            { role: 'plain', round: guess('NOSUCH') },
            { role: 'ours', round: guess(kind) },
          ],
          rounds,
        );
        comparisons.push(
          compare(
            {
              name: `guessing-${method}-${kind.replaceAll(' ', '-')}`,
              shortName: `${method}, ${kind}`,
              what: `${method} of a code that is ${kind}, against one that is not there, of ${CODES.toLocaleString('en')}`,
              panel,
              reference: 'plain',
              labels: { plain: 'no such code', ours: `code that is ${kind}` },
            },
            samples,
          ),
        );
      }
    await repository.close();
    return comparisons;
  },
};

async function shopOf(bench: Workbench): Promise<PromoCodeRepository> {
  const schema = await bench.freshSchema('guessing');
  await library.installSchema(bench.client, { schema });
  const repository = new library.PromoCodeRepository(bench.pool, { schema, uniformRefusals: true });
  for (const kind of kinds) await repository.create({ code: kind, shopId: SHOP, bonusValue: 5, ...KNOWN[kind] });
  await repository.redeem(guessOf('used up'));
  await bench.client.query(
    `INSERT INTO ${schema}.promo_codes (code, shop_id, bonus_value, end_date)
     SELECT 'C' || i, $1, 5, 'infinity' FROM generate_series(1, $2) AS i`,
    [SHOP, CODES],
  );
  await bench.settle(schema);
  return repository;
}

const guessOf = (code: string): RedeemInput => ({ code, shopId: SHOP, customerAddress: 'guesser', baseReward: 1 });

/** Of single calls: one that was disturbed does not move it. */
async function medianOf(calls: number, guess: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let call = 0; call < calls; call += 1) {
    const begun = performance.now();
    await guess();
    times.push(performance.now() - begun);
  }
  return spreadOf(times).median;
}
