import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type ConnectionPool,
  type PromoCode,
  PromoCodeRepository,
  type RepositoryOptions,
  type ValidateInput,
  type ValidateResult,
} from '../../src/index';
import { isWhole } from '../support';
import { intercepted } from '../support/intercepted';
import { useRepository } from '../support/repository';

const t = useRepository('previews');
const { newCode, request, repository, schema } = t;
const tenant = new AsyncLocalStorage<string>();

/** A pool that holds previews back until the gate is opened, and notes what they ask for, and in whose context. */
function gatedPool() {
  const sent: { customers: string[]; tenant: string | undefined }[] = [];
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const pool = intercepted(t.pool, async (text, values, send) => {
    if (text.includes('preview_promo_codes')) {
      sent.push({
        customers: values?.length === 6 ? (values[3] as string[]) : [String(values?.[2])],
        tenant: tenant.getStore(),
      });
      await gate;
    }
    return send(text, values);
  });
  return { pool, sent, open };
}

/** Previews of one statement, which the first one of its repository keeps waiting. */
async function together(requests: readonly ValidateInput[]): Promise<PromiseSettledResult<ValidateResult>[]> {
  const { pool, sent, open } = gatedPool();
  const shared = new PromoCodeRepository(pool, { schema, batching: { lanes: 1 } });
  const first = shared.validate({ code: 'NONE', shopId: 'shop', customerAddress: 'first' });
  const previews = requests.map((one) => shared.validate(one));
  const settling = Promise.allSettled(previews);
  // The host is read before.
  while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  open();
  await first;
  const settled = await settling;
  expect(sent[1]?.customers).toHaveLength(requests.length);
  return settled;
}

const previewOf = (code: { code: string }, fields: Partial<ValidateInput> = {}): ValidateInput => ({
  ...{ code: code.code, shopId: 'shop', customerAddress: 'ann', baseReward: '10.00' },
  ...fields,
});

describe('previews of the same moment', () => {
  it('share a statement, of one code and of several, and each has its own answer', async () => {
    const [open, shut, percent] = [
      await newCode({ metadata: { tags: ['a'] } }),
      await newCode({ isActive: false }),
      await newCode({ bonusType: 'percentage', bonusValue: '15.15', maxBonus: '9.00' }),
    ];
    const requests = Array.from({ length: 30 }, (_, place) =>
      previewOf([open, shut, percent, { code: 'NONE' }][place % 4]!, {
        ...(place % 3 > 0 ? { baseReward: String(place) } : { baseReward: undefined }),
      }),
    );
    const settled = await together(requests);
    for (const [place, one] of requests.entries()) {
      expect(settled[place], String(place)).toEqual({ status: 'fulfilled', value: await repository.validate(one) });
    }
    // Nobody shares an object that somebody may change.
    const [one, other] = [0, 4].map((place) => {
      const { value } = settled[place] as PromiseFulfilledResult<ValidateResult & { valid: true }>;
      return value.promoCode;
    });
    expect(one).toEqual(other);
    expect(one).not.toBe(other);
    expect(one!.metadata).not.toBe(other!.metadata);
  });

  it('are not failed by one that is', async () => {
    const [fine, wide] = [
      await newCode(),
      await newCode({ bonusType: 'percentage', bonusValue: '15', maxBonus: '9.00' }),
    ];
    // What the library does not let through.
    await t.sql('ALTER TABLE :"schema".promo_codes DROP CONSTRAINT promo_codes_percentage_check');
    await t.sql('UPDATE :"schema".promo_codes SET bonus_value = 1e15, max_bonus = NULL WHERE id = $1', [wide.id]);
    const wrong = previewOf(wide, { baseReward: '99999999.00' });
    const settled = await together([previewOf(fine), wrong, previewOf(fine, { customerAddress: 'bob' })]);
    // The statement is halved until the bad one stands by itself, so there are more than two.
    expect(settled).toMatchObject([
      { status: 'fulfilled', value: { valid: true } },
      { status: 'rejected' },
      { status: 'fulfilled', value: { valid: true } },
    ]);
    await expect(repository.validate(wrong)).rejects.toMatchObject({ sqlState: '22003' });
  });

  it('run in the context in which the repository was made; with partitionBy each with its own', async () => {
    const code = await newCode();
    const run = async (options: RepositoryOptions) => {
      const { pool, sent, open } = gatedPool();
      const shared = tenant.run('maker', () => new PromoCodeRepository(pool, { schema, ...options }));
      await tenant.run('first', () => shared.findById(code.id));
      const calls = Array.from({ length: 20 }, (_, place) => {
        const name = 'abc'.charAt(place % 3);
        return tenant.run(name, async () => {
          expect(await shared.validate(previewOf(code, { customerAddress: `${name}-${place}` }))).toMatchObject({
            valid: true,
          });
          expect(tenant.getStore()).toBe(name);
        });
      });
      open();
      await Promise.all(calls);
      return sent;
    };
    expect(new Set((await run({})).map((sent) => sent.tenant))).toEqual(new Set(['maker']));
    const apart = await run({ batching: { partitionBy: () => tenant.getStore() ?? '' } });
    for (const { customers, tenant: name } of apart)
      for (const customer of customers) expect(customer.charAt(0)).toBe(name);
    expect(new Set(apart.map((sent) => sent.tenant))).toEqual(new Set(['a', 'b', 'c']));
    // They do share statements, each tenant its own.
    expect(apart.length).toBeLessThan(12);
  });

  it('go alone with a client of the host, and without batching', async () => {
    const code = await newCode();
    const { pool, sent, open } = gatedPool();
    open();
    const alone = new PromoCodeRepository(pool, { schema, batching: false });
    await Promise.all([1, 2, 3].map(() => alone.validate(previewOf(code))));
    expect(sent.map(({ customers }) => customers.length)).toEqual([1, 1, 1]);
    const client = await t.client();
    await client.query('BEGIN');
    await client.query(t.expand('UPDATE :"schema".promo_codes SET is_active = false WHERE id = $1'), [code.id]);
    const shared = new PromoCodeRepository(pool, { schema });
    const [inside, outside] = await Promise.all([
      shared.validate(previewOf(code), { client }),
      shared.validate(previewOf(code)),
    ]);
    await client.query('ROLLBACK');
    expect([inside.valid, outside.valid]).toEqual([false, true]);
    expect(sent).toHaveLength(4);
  });

  it('are refused beyond maxQueue, told in time when nothing answers, and waited for by close()', async () => {
    const code = await newCode();
    const { pool, open } = gatedPool();
    const shared = new PromoCodeRepository(pool, { schema, batching: { lanes: 1, maxQueue: 1 }, deadlineMs: 1_000 });
    await shared.findById(code.id);
    const [first, second, third] = [1, 2, 3].map(() => shared.validate(previewOf(code)));
    await expect(third).rejects.toMatchObject({
      code: 'QUEUE_FULL',
      message: expect.stringContaining('previews wait'),
    });
    await expect(second).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('The preview waited'),
    });
    await expect(first).rejects.toMatchObject({ code: 'TIMEOUT' });
    open();
    const last = shared.validate(previewOf(code));
    await shared.close();
    expect(await last).toMatchObject({ valid: true });
    await expect(shared.validate(previewOf(code))).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('write nothing and wait for no row: on a server that only reads, of a code that somebody holds', async () => {
    const code = await newCode({ totalUsageLimit: 1 });
    await repository.reserve({ ...request(code), ttlSeconds: 60 });
    const holder = await t.client();
    await holder.query('BEGIN');
    await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR UPDATE'), [code.id]);
    const readOnly: ConnectionPool = {
      query: (text, values) => t.pool.query(text, values),
      async connect() {
        const client = await t.pool.connect();
        await client.query('SET default_transaction_read_only = on');
        return {
          query: (text, values) => client.query(text, values),
          release: () => client.release(true),
        };
      },
    };
    const shared = new PromoCodeRepository(readOnly, { schema, prepare: true });
    const answers = await Promise.all(
      ['ann', 'bob'].map((name) => shared.validate(previewOf(code, { customerAddress: name }))),
    );
    for (const answer of answers) expect(answer).toMatchObject({ valid: false, reason: 'usage_limit_reached' });
    await holder.query('ROLLBACK');
  });
});

/** A state of codes and campaigns, and what is asked in it. */
const name = fc.constantFrom('ann', 'Ann ', 'bob');
const amount = fc.constantFrom('0.01', '5.00', '12.50', '33.33');
const places = fc.nat({ max: 5 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('redeem' as const), place: places, customer: name, amount }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reserve' as const), place: places, customer: name, amount }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const), customer: fc.constantFrom('ann', 'bob') }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('limits' as const), total: fc.nat({ max: 3 }), each: fc.nat({ max: 2 }) }),
  },
);
const asked = fc.record({
  place: fc.nat({ max: 6 }),
  customer: name,
  amount,
  given: fc.option(fc.constantFrom('0', '1.00', '7.00'), { nil: undefined }),
});

describe('shared previews', () => {
  const codes: PromoCode[] = [];
  let campaign = '';

  beforeAll(async () => {
    const percentage = { bonusType: 'percentage', bonusValue: '15.15', maxBonus: '4' } as const;
    campaign = (
      await repository.campaigns.create({ shopId: 'shop', name: 'Spring', totalUsageLimit: 3, maxTotalBonus: '12' })
    ).id;
    codes.push(
      await newCode({ totalUsageLimit: 2, perCustomerLimit: 1 }),
      await newCode({ ...percentage, perCustomerLimit: 2 }),
      await newCode({ ...percentage, maxTotalBonus: '6', perCustomerLimit: null }),
      await newCode({ ...percentage, maxTotalBonus: '6', budgetOverrun: 'cap', perCustomerLimit: 3 }),
      await newCode({ customerAddress: 'ann', minBaseReward: '5.00', perCustomerLimit: null }),
      await newCode({ campaignId: campaign, perCustomerLimit: null }),
    );
  });

  it('are what each would be alone, and what the redemption after it answers', async () => {
    const single = new PromoCodeRepository(t.pool, { schema, batching: false });
    const client = await t.client();
    const play = async (
      steps: (typeof step extends fc.Arbitrary<infer Value> ? Value : never)[],
      requests: (typeof asked extends fc.Arbitrary<infer Value> ? Value : never)[],
    ) => {
      await t.sql(`DELETE FROM :"schema".promo_code_uses; DELETE FROM :"library".promo_code_holds;
                   UPDATE :"schema".promo_codes SET total_usage_limit = NULL WHERE code <> '${codes[0]!.code}'`);
      for (const next of steps) {
        if (next.do === 'expire') {
          await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = '2000-01-01' WHERE customer_address = $1`, [
            next.customer,
          ]);
        } else if (next.do === 'limits') {
          await t.sql(
            'UPDATE :"schema".promo_codes SET total_usage_limit = nullif($1, 0), per_customer_limit = nullif($2, 0) WHERE id = ANY ($3)',
            [next.total, next.each, codes.slice(0, 3).map(({ id }) => id)],
          );
        } else {
          const input = {
            ...previewOf(codes[next.place]!, { customerAddress: next.customer }),
            baseReward: next.amount,
          };
          await (next.do === 'redeem' ? single.redeem(input) : single.reserve({ ...input, ttlSeconds: 3_600 }));
        }
      }
      const inputs = requests.map(({ place, customer, amount: baseReward, given }) => ({
        ...previewOf(codes[place] ?? { code: 'NONE' }, {
          customerAddress: customer,
          ...(given !== undefined && { bonusAmount: given }),
        }),
        baseReward,
      }));
      const shared = await together(inputs);
      for (const [place, input] of inputs.entries()) {
        const alone = await single.validate(input);
        expect(shared[place]).toEqual({ status: 'fulfilled', value: alone });
        await client.query('BEGIN');
        const result = await repository.redeem(input, { client });
        await client.query('ROLLBACK');
        expect(alone).toMatchObject(
          result.ok ? { valid: true, bonusAmount: result.use.bonusAmount } : { valid: false, reason: result.reason },
        );
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.array(asked, { minLength: 1, maxLength: 10 }), play),
      { numRuns: isWhole ? 60 : 8 },
    );
  }, 120_000);
});
