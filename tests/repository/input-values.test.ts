import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { PromoCodeRepository, ValidationError } from '../../src/index';
import type { Host } from '../../src/redemption/host';
import { amountField } from '../../src/repository/amount-field';
import { useRepository } from '../support/repository';

const t = useRepository('input values', { tables: 'seed' });
const { repository, request } = t;
const unreachable = new PromoCodeRepository({ query: () => Promise.reject(new Error('the server was asked')) });
const asked = { code: 'X', shopId: 's', customerAddress: 'a', baseReward: 1 };

/** What an amount is read as for a column of this type. */
function read(type: string, amount: unknown): string | undefined {
  const host = { typeOf: () => type, baseTypeOf: () => type } as unknown as Host;
  const result = v.safeParse(amountField(host, 'uses', 'baseReward'), amount);
  return result.success ? result.output : undefined;
}

function ulps(value: number, steps: number): number {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  bits.setBigInt64(0, bits.getBigInt64(0) + BigInt(steps));
  return bits.getFloat64(0);
}

/** Milliseconds of processor time, which other programs on the machine do not change. */
async function costOf(work: () => Promise<unknown>): Promise<number> {
  const begun = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1_000;
}

function plain(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

describe('numbers', () => {
  it.each<[number, string, string | undefined]>([
    [0.1 + 0.2, 'numeric(18,2)', '0.3'],
    [1.1 * 3, 'numeric(18,2)', '3.3'],
    [0.07 * 100, 'numeric(18,2)', '7'],
    [0.07 * 100, 'integer', '7'],
    [1.15 * 100, 'numeric(18,0)', '115'],
    [0.1 + 0.2, 'numeric', '0.3'],
    [1 / 3, 'numeric', '0.3333333333333333'],
    [2.675, 'numeric(18,2)', undefined],
    [0.001, 'numeric(18,2)', undefined],
    [1.005, 'numeric(18,2)', undefined],
    [1 / 3, 'numeric(18,2)', undefined],
    [9.99000000000001, 'numeric(18,2)', undefined],
    [1.5e-7, 'numeric(30,8)', '0.00000015'],
    [1e21, 'numeric', '1000000000000000000000'],
    [1e21, 'numeric(18,2)', undefined],
    [5e-324, 'numeric(18,2)', undefined],
    [-0, 'numeric(18,2)', '0'],
    [-1e-17, 'numeric(18,2)', undefined],
    [Number.NaN, 'numeric', undefined],
    [Number.NEGATIVE_INFINITY, 'numeric', undefined],
  ])('%d in %s is %s', (amount, type, expected) => {
    expect(read(type, amount)).toBe(expected);
  });

  it('within three units in the last place of a decimal of the column are that decimal', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 99_999_999_999 }),
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: -3, max: 3 }),
        (units, scale, steps) => {
          const decimal = (units / 10 ** scale).toFixed(scale);
          const noisy = ulps(Number(decimal), steps);
          expect(read(`numeric(20,${scale})`, noisy)).toBe(plain(decimal));
        },
      ),
    );
  });

  it('with real digits beyond the column, up to fifteen in all, are refused', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 999_999_999_999_999n }),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 8 }),
        (digits, scale, surplus) => {
          fc.pre(digits % 10n !== 0n);
          const text = String(digits).padStart(scale + surplus + 1, '0');
          const point = text.length - scale - surplus;
          expect(read(`numeric(40,${scale})`, Number(`${text.slice(0, point)}.${text.slice(point)}`))).toBeUndefined();
        },
      ),
    );
  });

  it('are recorded as what is meant', async () => {
    const code = await t.newCode();
    expect(await repository.redeem(request(code, { baseReward: 0.1 + 0.2 }))).toMatchObject({
      use: { baseReward: '0.30', totalReward: '5.30' },
    });
    await expect(repository.redeem(request(code, { baseReward: 2.675 }))).rejects.toMatchObject({
      issues: [{ path: 'baseReward', received: '2.675' }],
    });
  });
});

describe('amounts as text', () => {
  it.each<[string | bigint, string, string | undefined]>([
    ['007.50', 'numeric(18,2)', '7.5'],
    ['+.5', 'numeric(18,2)', '0.5'],
    ['5.', 'numeric(18,2)', '5'],
    [' 1.10 ', 'numeric(18,2)', '1.1'],
    ['0.000', 'numeric(18,2)', '0'],
    ['2.675', 'numeric(18,2)', undefined],
    ['0.30000000000000004', 'numeric(18,2)', undefined],
    ['1e3', 'numeric', undefined],
    ['0x10', 'numeric', undefined],
    ['1_000', 'numeric', undefined],
    ['', 'numeric', undefined],
    ['.', 'numeric', undefined],
    [10n ** 20n, 'numeric', '1'.padEnd(21, '0')],
    [10n ** 5_000n, 'numeric', undefined],
    [-1n, 'numeric', undefined],
    ['1200', 'numeric(4,-2)', '1200'],
    ['1250', 'numeric(4,-2)', undefined],
    ['0.0012', 'numeric(2,4)', '0.0012'],
    ['0.012', 'numeric(2,4)', undefined],
  ])('%s in %s is %s', (amount, type, expected) => {
    expect(read(type, amount)).toBe(expected);
  });

  it('are read in linear time (A10)', async () => {
    const code = await t.newCode();
    const hostile = [`0.${'0'.repeat(996)}1`, `1.${'0'.repeat(997)}x`, `${'0'.repeat(998)}x`, '1'.repeat(999)];
    for (const baseReward of hostile) {
      const requests = Array.from({ length: 10_000 }, () => request(code, { baseReward }));
      const cost = await costOf(() => expect(repository.redeemMany(requests)).rejects.toBeInstanceOf(ValidationError));
      expect(cost, `${baseReward.slice(0, 5)}…${baseReward.at(-1)}`).toBeLessThan(500);
    }
  });
});

describe('dates', () => {
  const create = (more: object) => unreachable.create({ code: 'X', shopId: 's', bonusValue: 5, ...more });

  it('go in as ISO 8601 strings with an offset, and come out as Date (C25)', async () => {
    const made = await repository.create({
      code: 'ISO',
      shopId: 's',
      bonusValue: 5,
      startDate: '2026-03-29T01:30:00+02:00',
      endDate: '2099-12-31T23:59:59.999Z',
    });
    expect(made.startDate).toEqual(new Date('2026-03-28T23:30:00Z'));
    expect(made.endDate).toEqual(new Date('2099-12-31T23:59:59.999Z'));
    expect(await repository.update(made.id, { endDate: '2098-01-01t00:00:00-0330' })).toMatchObject({
      endDate: new Date('2098-01-01T03:30:00Z'),
    });
  });

  it.each([
    '2026-12-31T23:59Z',
    '2026-12-31 23:59:59+02',
    '2024-02-29T00:00:00Z',
    '2026-12-31T23:59:59,5Z',
    '0001-01-01T00:00:00Z',
  ])('%s is one', async (endDate) => {
    await expect(create({ startDate: '0001-01-01T00:00:00Z', endDate })).rejects.toThrow(/the server was asked/);
  });

  it.each(['2026-12-31', '2026-12-31T23:59:59', '2026-12-31 23:59', '2026-12-31T23:59:59.123'])(
    '%s has no offset, which is said',
    async (endDate) => {
      const error = await create({ endDate }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ issues: [{ path: 'endDate', received: `'${endDate}'` }] });
      expect((error as Error).message).toMatch(/must have an offset, such as Z or \+02:00/);
    },
  );

  it.each([
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-12-31T24:00:00Z',
    '2026-12-31T23:59:60Z',
    '2026-12-31T23:59:59+15:00',
    '0000-12-31T00:00:00Z',
    'tomorrow',
    '',
    `2026-12-31T23:59:59.${'9'.repeat(5_000)}Z`,
    1_700_000_000_000,
    true,
  ])('%s is none', async (endDate) => {
    await expect(create({ endDate })).rejects.toMatchObject({ issues: [{ path: 'endDate' }] });
  });
});

describe('ids', () => {
  it('of shops, customers and purchases are numbers as well', async () => {
    const code = await repository.create({ code: 'NUMBERS', shopId: 7, bonusValue: 5, perCustomerLimit: null });
    expect(code.shopId).toBe('7');
    const result = await repository.redeem({
      code: 'numbers',
      shopId: 7n,
      customerAddress: 42,
      baseReward: 1,
      transactionId: 2n ** 53n,
    });
    expect(result).toMatchObject({ use: { customerAddress: '42', transactionId: '9007199254740992' } });
    expect((await repository.usesByCustomer(42n, { shopId: 7 })).items).toHaveLength(1);
    for (const shopId of [7.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, null, {}, 10n ** 2_000n]) {
      await expect(unreachable.redeem({ ...asked, shopId: shopId as never })).rejects.toMatchObject({
        issues: [{ path: 'shopId' }],
      });
    }
  });
});

it('10,000 requests are checked fast', async () => {
  const code = await t.newCode();
  const requests = Array.from({ length: 9_999 }, (_, index) =>
    request(code, { idempotencyKey: `k${index}`, transactionId: `t${index}` }),
  );
  await expect(unreachable.redeemMany([...requests, {} as never])).rejects.toBeInstanceOf(ValidationError);
  const cost = await costOf(() =>
    expect(unreachable.redeemMany([...requests, {} as never])).rejects.toBeInstanceOf(ValidationError),
  );
  expect(cost).toBeLessThan(500);
});
