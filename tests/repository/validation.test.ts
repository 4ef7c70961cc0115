import { expect, it } from 'vitest';
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

async function issuesOf(call: Promise<unknown>): Promise<string[]> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ValidationError);
  return (error as ValidationError).issues.map(({ path, message }) => {
    expect(message).toMatch(/^(must|is not an option)/);
    return path;
  });
}

it('every issue is told at once, before the server is asked', async () => {
  const wrong = { code: ' ', shopId: 7, customerAddress: 'x'.repeat(501), baseReward: -1, idempotencyKey: '', tip: 1 };
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
  ).toEqual(['perCustomerLimit', 'bonusValue', 'maxBonus', 'endDate']);
});

it.each([
  [
    'ttl',
    () => unreachable.reserve({ code: 'a', shopId: 's', customerAddress: 'c', baseReward: 1, ttlSeconds: 0 }),
    'ttlSeconds',
  ],
  ['id', () => unreachable.findById('1; drop table'), 'id'],
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
])('%s', async (_, call, path) => {
  expect(await issuesOf(call())).toEqual([path]);
});

it('a batch tells where in it, and has a limit', async () => {
  const good = { code: 'a', shopId: 's', customerAddress: 'c', baseReward: 1 };
  expect(await issuesOf(unreachable.redeemMany([good, { ...good, baseReward: 'x' }]))).toEqual(['1.baseReward']);
  expect(await issuesOf(unreachable.redeemMany(Array.from({ length: 10_001 }, () => good)))).toEqual(['requests']);
});

it('options of the repository are checked', () => {
  expect(() => new PromoCodeRepository(t.pool, { retry: { attempts: 0 }, lockTimeoutMs: -1 })).toThrow(ValidationError);
  expect(() => new PromoCodeRepository(t.pool, { scheme: 'x' } as never)).toThrow(/scheme/);
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
});

it('without tables or functions the error says what to do', async () => {
  const lost = new PromoCodeRepository(bare.pool, { schema: bare.schema });
  await expect(lost.findById(1)).rejects.toBeInstanceOf(NotInstalledError);
  await bare.sql(SEED_TABLES);
  await expect(lost.findById(1)).rejects.toThrow(/installTriggers/);
});
