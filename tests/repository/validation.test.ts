import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { NotInstalledError, PromoCodeRepository, ValidationError } from '../../src/index';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { useRepository } from '../support/repository';

const t = useRepository('validation', { tables: 'seed' });
const { repository, newCode, request } = t;
const bare = useSchema('bare');

/** Nothing may be sent for what is wrong by itself. */
const unreachable = new PromoCodeRepository({
  query: () => Promise.reject(new Error('the server was asked')),
});

function cursorOf(mark: string): string {
  return Buffer.from(mark).toString('base64url');
}

async function issuesOf(call: Promise<unknown>): Promise<string[]> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ValidationError);
  return (error as ValidationError).issues.map(({ path, message }) => {
    expect(message).toMatch(/^(must|is required|is not (an option|a field) of \w+\(\))/);
    return path;
  });
}

it('every issue is told at once, before the server is asked', async () => {
  const wrong = {
    code: ' ',
    shopId: 7.5,
    customerAddress: 'x'.repeat(501),
    baseReward: -1,
    idempotencyKey: '',
    tip: 1,
  };
  expect(await issuesOf(unreachable.redeem(wrong as never))).toEqual([
    'code',
    'shopId',
    'customerAddress',
    'baseReward',
    'idempotencyKey',
    'tip',
  ]);
  expect(
    await issuesOf(
      unreachable.create({
        code: 'X',
        shopId: 'shop',
        bonusType: 'percentage',
        bonusValue: '100.01',
        startDate: new Date(2),
        endDate: new Date(1),
        perCustomerLimit: 0,
      }),
    ),
  ).toEqual(['perCustomerLimit', 'bonusValue', 'endDate']);
  // Whether a host has a column for caps is known when the host is.
  const uncapped = repository.create({ code: 'X', shopId: 'shop', bonusType: 'percentage', bonusValue: '50' });
  expect(await issuesOf(uncapped)).toEqual(['maxBonus']);
});

it.each([
  [
    'ttl',
    () => unreachable.reserve({ code: 'a', shopId: 's', customerAddress: 'c', baseReward: 1, ttlSeconds: 0 }),
    'ttlSeconds',
  ],
  ['empty id', () => unreachable.findById(''), 'id'],
  ['id with NUL', () => unreachable.findById('1\0'), 'id'],
  ['long id', () => unreachable.usesByCode('x'.repeat(1_001)), 'promoCodeId'],
  ['id that is an object', () => unreachable.delete({} as never), 'id'],
  ['id of a float', () => unreachable.rollbackUse(1.5), 'id'],
  [
    'date',
    () => unreachable.create({ code: 'a', shopId: 's', bonusValue: 1, endDate: new Date(Number.NaN) }),
    'endDate',
  ],
  ['bonus of zero', () => unreachable.create({ code: 'a', shopId: 's', bonusValue: '0.00' }), 'bonusValue'],
  ['count', () => unreachable.generate({ shopId: 's', bonusValue: 1, count: 0 }), 'count'],
  ['time zone', () => unreachable.usageStats(1, { timeZone: 'Mars/Olympus' }), 'timeZone'],
  ['days', () => unreachable.usageStats(1, { days: 0 }), 'days'],
  ['limit', () => unreachable.list({ limit: 0 }), 'limit'],
  ['client', () => unreachable.findById(1, { client: 'no client' as never }), 'client'],
  ['unknown option', () => unreachable.findById(1, { transaction: {} } as never), 'transaction'],
  ['NUL', () => unreachable.findByCode('a\0b', 's'), 'code'],
  [
    'time zone that PostgreSQL reads as an abbreviation',
    () => unreachable.usageStats(1, { timeZone: 'CET' }),
    'timeZone',
  ],
  ['cursor without a place', () => unreachable.list({ cursor: cursorOf('id:') }), 'cursor'],
  ['cursor of another order', () => unreachable.list({ cursor: cursorOf('endDate:soon:1') }), 'cursor'],
  ['cursor of another list', () => unreachable.usesByCode(1, { cursor: cursorOf('id:1') }), 'cursor'],
  ['limiter key with NUL', () => unreachable.findById(1, { rateLimitKey: 'a\0b' }), 'rateLimitKey'],
  ['limiter key with half a pair', () => unreachable.findById(1, { rateLimitKey: '\ud800' }), 'rateLimitKey'],
  ['long limiter key', () => unreachable.findById(1, { rateLimitKey: 'x'.repeat(1_001) }), 'rateLimitKey'],
])('%s', async (_, call, path) => {
  expect(await issuesOf(call())).toEqual([path]);
});

it('the arguments of one call are checked together', async () => {
  const patch = { bonusValue: -1, name: 5 as never };
  expect(await issuesOf(unreachable.update('', patch))).toEqual(['id', 'name', 'bonusValue']);
  expect(await issuesOf(unreachable.amendUse('', { bonusAmount: -1 }))).toEqual(['id', 'bonusAmount']);
  expect(await issuesOf(unreachable.confirm('', { transactionId: {} as never }))).toEqual(['id', 'transactionId']);
  expect(await issuesOf(unreachable.list({ cursor: 'zzz', limit: 0 }))).toEqual(['limit', 'cursor']);
  const weak = { shopId: 's', count: 10, pattern: 'AA', bonusValue: -1 };
  expect(await issuesOf(unreachable.generate(weak))).toEqual(['bonusValue', 'pattern']);
});

it('what is missing is said to be required', async () => {
  // Whether a shop is, is known when the host is.
  await expect(unreachable.redeem({} as never)).rejects.toMatchObject({
    issues: ['code', 'customerAddress', 'baseReward'].map((path) => ({ path, message: 'is required' })),
  });
  const { shopId: _, ...withoutShop } = request({ code: 'a', shopId: 's' } as never);
  for (const call of [
    () => repository.redeem(withoutShop as never),
    () => repository.create({ code: 'a', bonusValue: 1 } as never),
    () => repository.generate({ count: 1, bonusValue: 1 } as never),
  ]) {
    await expect(call()).rejects.toMatchObject({ issues: [{ path: 'shopId', message: 'is required' }] });
  }
  await expect(unreachable.redeem(7 as never)).rejects.toMatchObject({ issues: [{ message: 'must be an object' }] });
});

it.each(['code', 'shopId', 'customerAddress', 'transactionId', 'idempotencyKey'])(
  'half a surrogate pair in %s',
  async (field) => {
    const asked = { code: 'a', shopId: 's', customerAddress: 'c', baseReward: 1, [field]: 'a\ud800b' };
    expect(await issuesOf(unreachable.redeem(asked))).toEqual([field]);
    expect(await issuesOf(unreachable.redeem({ ...asked, [field]: '\udc00' }))).toEqual([field]);
  },
);

it('a batch tells where in it, and has a limit', async () => {
  const good = { code: 'a', shopId: 's', customerAddress: 'c', baseReward: 1 };
  expect(await issuesOf(unreachable.redeemMany([good, { ...good, baseReward: 'x' }]))).toEqual(['1.baseReward']);
  expect(await issuesOf(unreachable.redeemMany(Array.from({ length: 10_001 }, () => good)))).toEqual(['requests']);
});

it('options of the repository are checked', () => {
  for (const pool of [undefined, null, 'postgres://x', {}]) {
    expect(() => new PromoCodeRepository(pool as never)).toThrow(/^pool: must be/);
  }
  expect(() => new PromoCodeRepository(undefined as never, { lockTimeoutMs: 0 })).toThrow(/pool.*lockTimeoutMs/);
  expect(() => new PromoCodeRepository(t.pool, { retry: { attempts: 0 }, lockTimeoutMs: -1 })).toThrow(ValidationError);
  expect(() => new PromoCodeRepository(t.pool, { scheme: 'x' } as never)).toThrow(/scheme/);
});

it('an id or a cursor of another type than the ids of the host is refused when that is known', async () => {
  const rule = { message: expect.stringContaining('must be a whole number from 0') };
  for (const id of ['x', '1; drop table', '-1', '9'.repeat(19), 2n ** 63n]) {
    await expect(repository.findById(id)).rejects.toMatchObject({ issues: [{ path: 'id', ...rule }] });
    await expect(repository.rollbackUse(id)).rejects.toMatchObject({ issues: [{ path: 'id', ...rule }] });
    await expect(repository.usageStats(id)).rejects.toMatchObject({ issues: [{ path: 'promoCodeId', ...rule }] });
  }
  expect(await issuesOf(repository.list({ cursor: cursorOf('id:9999999999999999999') }))).toEqual(['cursor']);
  expect(await issuesOf(repository.usesByCode(1, { cursor: cursorOf('at:1.5:x') }))).toEqual(['cursor']);
});

it('the widths of the columns of the host are limits', async () => {
  expect(await issuesOf(repository.create({ code: 'x'.repeat(21), shopId: 's', bonusValue: '123456789.00' }))).toEqual([
    'code',
    'bonusValue',
  ]);
  const code = await newCode();
  expect(
    await issuesOf(
      repository.redeem(request(code, { customerAddress: 'x'.repeat(43), transactionId: 'y'.repeat(101) })),
    ),
  ).toEqual(['customerAddress', 'transactionId']);
  const padded = `${' '.repeat(101)}x`;
  expect(await issuesOf(repository.redeem(request(code, { transactionId: padded })))).toEqual(['transactionId']);
  expect(await issuesOf(repository.create({ code: 'P', shopId: padded, bonusValue: 1 }))).toEqual(['shopId']);
  expect(await repository.create({ code: `${padded} `, shopId: 'padded', bonusValue: 1 })).toMatchObject({ code: 'x' });
});

it('a time zone that only Node.js knows is told by its name', async () => {
  const { id } = await newCode();
  const pool = {
    query: (text: string, values?: unknown[]) =>
      t.pool.query(
        text,
        values?.map((value) => (value === 'Europe/Vienna' ? 'Europe/Vindobona' : value)),
      ),
  };
  const elsewhere = new PromoCodeRepository(pool, { schema: t.schema });
  expect(await issuesOf(elsewhere.usageStats(id, { timeZone: 'Europe/Vienna' }))).toEqual(['timeZone']);
});

describe('texts of an index', () => {
  const own = useRepository('validation wide');
  const wide = (length: number) =>
    String.fromCodePoint(...[...randomBytes(length)].map((byte) => 0x20000 + byte * 150));

  it('are limited by bytes, and fit into it', async () => {
    const [shopId, code, idempotencyKey] = [wide(128), wide(128), wide(128)];
    await own.repository.create({ shopId, code, bonusValue: 1 });
    const asked = { shopId, code, customerAddress: wide(500), baseReward: 1, idempotencyKey };
    expect(await own.repository.redeem(asked)).toMatchObject({ ok: true });
    const long = { ...asked, shopId: wide(129), code: wide(129), idempotencyKey: wide(129) };
    expect(await issuesOf(own.repository.redeem(long))).toEqual(['code', 'shopId', 'idempotencyKey']);
  });
});

it('without tables or functions the error says what to do', async () => {
  const lost = new PromoCodeRepository(bare.pool, { schema: bare.schema });
  await expect(lost.findById(1)).rejects.toBeInstanceOf(NotInstalledError);
  await bare.sql(SEED_TABLES);
  await expect(lost.findById(1)).rejects.toThrow(/installTriggers/);
});
