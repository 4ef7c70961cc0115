import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkDrift } from '../../src/index';
import { readHost } from '../../src/redemption/host';
import type { Attempted, RedeemRequest } from '../../src/redemption/redeem';
import { redeemStatements, valuesOfBatch } from '../../src/redemption/statements';
import { isWhole } from '../support';
import { type TestRepository, useRepository, waitingRedemption } from '../support/repository';

/** What is asked by the functions themselves: a caller of the repository cannot say which requests meet in one batch. */
interface Asked {
  code: string;
  customer: string;
  amount: string;
  bonus: string | undefined;
  key: string | undefined;
  seconds: number | undefined;
  /** Which of the ids that were used before it has; a new one otherwise. */
  former: number | undefined;
  /** Which request of before, of this batch too, it asks once more, under an id of its own. */
  repeats: number | undefined;
}

const half = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const asked: fc.Arbitrary<Asked> = fc.record({
  code: fc.constantFrom('ONE', 'ONE', 'TWO', 'TWO', 'FREE', 'Free ', 'SHUT', 'NONE', 'STORED'),
  customer: fc.constantFrom('ann', 'Ann ', 'bob', 'cid'),
  amount: fc.constantFrom('10.00', '33.33'),
  bonus: half(fc.constantFrom('1.00', '2.50')),
  key: half(fc.constantFrom('k', 'l', 'm', 'n', 'o', 'p', 'q', 'r')),
  seconds: half(fc.constantFrom(60, 3_600)),
  former: half(fc.nat({ max: 30 })),
  repeats: half(fc.nat({ max: 60 })),
});

/** What is paid from a budget, and given back to it, differs from request to request. */
const askedOfBudget: fc.Arbitrary<Asked> = fc.record({
  code: fc.constantFrom('PURSE', 'PURSE', 'purse ', 'CAPPED', 'CAPPED', 'BOUND'),
  customer: fc.constantFrom('ann', 'Ann ', 'bob', 'cid'),
  amount: fc.constantFrom('0.01', '10.00', '20.00', '33.33'),
  bonus: half(fc.constantFrom('0', '1.00', '2.50', '7.00')),
  key: fc.constant(undefined),
  seconds: half(fc.constantFrom(60, 3_600)),
  former: fc.constant(undefined),
  repeats: fc.constant(undefined),
});

const batchOf = (requests: fc.Arbitrary<Asked>, isRetry: fc.Arbitrary<boolean>) =>
  fc.record({
    do: fc.constant('batch' as const),
    requests: fc.array(requests, { minLength: 1, maxLength: 12 }),
    isRetry,
    plain: fc.boolean(),
  });

const others = [
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expire' as const), customer: fc.constantFrom('ann', 'bob') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rollback' as const), pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('limits' as const),
      total: fc.nat({ max: 5 }),
      each: fc.nat({ max: 3 }),
      budget: fc.constantFrom('0.00', '3.33', '9.99', '20.00'),
    }),
  },
] as const;
const step = fc.oneof({ weight: 8, arbitrary: batchOf(asked, fc.boolean()) }, ...others);
const stepOfBudget = fc.oneof({ weight: 8, arbitrary: batchOf(askedOfBudget, fc.constant(false)) }, ...others);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const PLAIN = { amount: '10.00', bonus: undefined, seconds: undefined, former: undefined, repeats: undefined };

/** One hold is too small for what comes first, and one is left for what comes then. */
const HOLD_TOO_SMALL: Step[] = [
  ['ann/0.01', 'ann/0.01//60', 'ann/0.01/2.50'],
  ['cid/10.00', 'ann/0.01', 'ann/0.01/7.00', 'ann/0.01'],
].map((requests) => ({
  do: 'batch',
  isRetry: false,
  plain: false,
  requests: requests.map((text) => {
    const [customer = '', amount = '', bonus, seconds] = text.split('/');
    return {
      ...PLAIN,
      code: 'PURSE',
      customer,
      amount,
      bonus: bonus || undefined,
      key: undefined,
      seconds: seconds ? Number(seconds) : undefined,
    };
  }),
}));

const toRequest = ({ code, customer, amount, bonus, key, seconds }: Asked, plain: boolean): RedeemRequest => ({
  code,
  shopId: 'shop',
  customerAddress: customer,
  baseReward: amount,
  ...(bonus !== undefined && { bonusAmount: bonus }),
  ...(key !== undefined && !plain && { idempotencyKey: key }),
  ...(seconds !== undefined && !plain && { ttlSeconds: seconds }),
});

const ANSWER = ['outcome', 'use', 'code', 'customer', 'shop', 'transaction', 'base', 'bonus', 'total'];

describe('a batch', () => {
  const together = useRepository('together');
  const single = useRepository('single');
  const both = [together, single];

  /** Gives the answers by the number of the request. */
  async function redeem(t: TestRepository, entries: Attempted[], isRetry: boolean): Promise<unknown[]> {
    const { rows } = await t.pool.query<{ answer: string }>(
      (await readHost(t.pool, { schema: t.schema })).sql(redeemStatements.batch),
      [...valuesOfBatch(entries), isRetry, false, null, 5_000, []],
    );
    const answers = JSON.parse(rows[0]!.answer) as (string | null)[][];
    expect(answers).toHaveLength(entries.length);
    return entries.map(({ useId }, index) => {
      const answer = answers.find(([n, , id]) => (n === null ? id === useId : n === String(index + 1)));
      // Whether an expired hold is still there, and can be shown, is a matter of who asks after it.
      if (answer?.[1] === 'rolled_back') return { outcome: 'rolled_back' };
      // Not the times, which differ.
      return Object.fromEntries(ANSWER.map((name, at) => [name, answer?.[at + 1]]));
    });
  }

  async function state(t: TestRepository): Promise<unknown> {
    const tables = {
      uses: 'SELECT id, promo_code_id, customer_address, base_reward, bonus_amount FROM :"schema".promo_code_uses ORDER BY id',
      holds: `SELECT use_id, promo_code_id, customer_address, released_as, expires_at < now() AS is_due
                FROM :"library".promo_code_holds ORDER BY use_id`,
      keys: `SELECT idempotency_key, encode(fingerprint, 'hex') AS fingerprint, use_id, promo_code_id, customer_address
               FROM :"library".promo_code_idempotency_keys ORDER BY idempotency_key`,
      codes: 'SELECT id, times_used, total_bonus_issued FROM :"schema".promo_codes ORDER BY id',
    };
    const read = Object.entries(tables).map(async ([name, query]) => [name, (await t.sql(query)).rows] as const);
    return Object.fromEntries(await Promise.all(read));
  }

  async function prepare(t: TestRepository): Promise<void> {
    await t.sql(`TRUNCATE :"schema".promo_codes, :"schema".promo_code_uses, :"library".promo_code_holds,
                          :"library".promo_code_idempotency_keys RESTART IDENTITY CASCADE`);
    await t.newCode({ code: 'ONE', totalUsageLimit: 4, perCustomerLimit: 1 });
    await t.newCode({
      code: 'TWO',
      totalUsageLimit: 5,
      perCustomerLimit: 2,
      bonusType: 'percentage',
      bonusValue: '15.15',
      maxBonus: '4',
    });
    await t.newCode({ code: 'FREE', perCustomerLimit: 3 });
    await t.newCode({ code: 'SHUT', isActive: false });
    const percentage = { bonusType: 'percentage', bonusValue: '15.15', maxBonus: '4' } as const;
    await t.newCode({ ...percentage, code: 'PURSE', maxTotalBonus: '9.99', perCustomerLimit: 4, totalUsageLimit: 9 });
    await t.newCode({ ...percentage, code: 'CAPPED', maxTotalBonus: '7', budgetOverrun: 'cap', perCustomerLimit: 3 });
    await t.newCode({ code: 'BOUND', customerAddress: 'Ann', minBaseReward: '10.01', perCustomerLimit: null });
    const { id } = await t.newCode({ code: 'STORED', totalUsageLimit: 2 });
    await t.sql(`ALTER TABLE :"schema".promo_codes DROP CONSTRAINT IF EXISTS promo_codes_code_check`);
    await t.sql(`UPDATE :"schema".promo_codes SET code = code || E'\\r' WHERE id = $1`, [id]);
  }

  async function play(steps: Step[]): Promise<void> {
    for (const t of both) await prepare(t);
    const known: Attempted[] = [];
    for (const next of steps) {
      switch (next.do) {
        case 'batch': {
          const entries = await attempts(next, known);
          const expected: unknown[] = [];
          for (const entry of entries) expected.push(...(await redeem(single, [entry], next.isRetry)));
          expect(await redeem(together, entries, next.isRetry)).toEqual(expected);
          known.push(...entries);
          break;
        }
        case 'expire':
          for (const t of both) {
            await t.sql(
              `UPDATE :"library".promo_code_holds SET expires_at = '2000-01-01' WHERE released_at IS NULL AND customer_address = $1`,
              [next.customer],
            );
          }
          break;
        case 'rollback':
          for (const t of both) await t.repository.rollbackUse(known[next.pick % known.length]?.useId ?? '999');
          break;
        case 'limits':
          for (const t of both) {
            await t.sql(
              `UPDATE :"schema".promo_codes SET total_usage_limit = nullif($1, 0), per_customer_limit = nullif($2, 0)
                WHERE code IN ('ONE', 'TWO')`,
              [next.total, next.each],
            );
            await t.sql(`UPDATE :"schema".promo_codes SET max_total_bonus = $1 WHERE max_total_bonus IS NOT NULL`, [
              next.budget,
            ]);
          }
          break;
      }
      expect(await state(together)).toEqual(await state(single));
    }
    expect(await checkDrift(together.pool, { schema: together.schema })).toEqual([]);
  }

  /**
   * As callers would send them. A retry is the same request under the same id. Otherwise an id comes again in a request that
   * the network delivers late, or after a restore: then there is no use with it, or the call would fail.
   */
  async function attempts(
    { requests, isRetry, plain }: Step & { do: 'batch' },
    known: Attempted[],
  ): Promise<Attempted[]> {
    const { rows } = await single.sql<{ id: string }>('SELECT id FROM :"schema".promo_code_uses');
    const there = new Set(rows.map(({ id }) => id));
    const taken = new Set<string>();
    const entries: Attempted[] = [];
    for (const [index, one] of requests.entries()) {
      const former = one.former === undefined ? undefined : known[one.former];
      const isSame = one.amount === '10.00';
      const again =
        former && !taken.has(former.useId!) && ((isRetry && isSame) || !there.has(former.useId!)) ? former : undefined;
      const useId = again?.useId ?? String(1_000 + known.length + index);
      taken.add(useId);
      const repeated = one.repeats === undefined ? undefined : [...known, ...entries][one.repeats];
      if (again && isSame) entries.push(again);
      else if (repeated) entries.push({ useId, request: repeated.request });
      else entries.push({ useId, request: toRequest(one, plain) });
    }
    return entries;
  }

  it('has the answers and leaves the rows of its requests one after another', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), play), {
      numRuns: isWhole ? 40 : 6,
    });
  }, 120_000);

  it('has them as well where budgets end in it', async () => {
    await fc.assert(fc.asyncProperty(fc.array(stepOfBudget, { minLength: 2, maxLength: 6 }), play), {
      numRuns: isWhole ? 30 : 4,
      examples: [[HOLD_TOO_SMALL]],
    });
  }, 120_000);

  it('gives the place of a request whose key somebody else takes meanwhile to the next', async () => {
    await prepare(together);
    const [last, other] = [await together.newCode({ totalUsageLimit: 2 }), await together.newCode()];
    const client = await together.client();
    await client.query('BEGIN');
    await together.repository.redeem(together.request(other, { idempotencyKey: 'taken' }), { client });
    const ask = (useId: string, customer: string, key: string) => ({
      useId,
      request: { ...toRequest({ ...PLAIN, code: last.code, customer, key }, false) },
    });
    const entries = [
      ask('901', 'ann', 'taken'),
      ask('902', 'bob', 'free'),
      ask('903', 'cid', 'next'),
      ask('904', 'dan', 'late'),
    ];
    const answers = redeem(together, entries, false);
    await waitingRedemption(together);
    await client.query('COMMIT');
    expect(await answers).toMatchObject([
      { outcome: 'key_conflict' },
      { outcome: 'redeemed', use: '902' },
      { outcome: 'redeemed', use: '903' },
      { outcome: 'usage_limit_reached' },
    ]);
    const { rows } = await together.sql(
      'SELECT idempotency_key AS key FROM :"library".promo_code_idempotency_keys ORDER BY idempotency_key',
    );
    expect(rows).toEqual([{ key: 'free' }, { key: 'next' }, { key: 'taken' }]);
    expect(await together.counts(last)).toMatchObject({ timesUsed: 2, uses: 2 });
  });
});
