import pg from 'pg';
import { type InstalledSchema, setClock, toHaveNoDrift, withInstalledSchema } from 'pg-promo-codes/testing';
import { afterAll, test as base, expect } from 'vitest';
import { placeOrder } from './place-order';

expect.extend({ toHaveNoDrift });

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
afterAll(() => pool.end());

// Each test that asks for a shop gets one of its own, in schemas that are gone afterwards.
const test = base.extend<{ shop: InstalledSchema }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads which fixtures are asked for.
  shop: async ({}, use) => {
    await withInstalledSchema(pool, use);
  },
});

test('a customer uses a code once, and the counters know it', async ({ shop: { schema, repository } }) => {
  const { id } = await repository.create({ code: 'SUMMER', shopId: 'shop-1', bonusValue: '5.00' });
  expect(await placeOrder(pool, repository, { customer: 'ann', code: 'summer' })).toBe('25.00');
  await expect(placeOrder(pool, repository, { customer: 'ann', code: 'summer' })).rejects.toThrow(
    'customer_limit_reached',
  );
  expect(await repository.findById(id)).toMatchObject({ timesUsed: 1, totalBonusIssued: '5.00' });
  await expect(pool).toHaveNoDrift({ schema });
});

test('a code is over when its day is over', async ({ shop: { repository } }) => {
  await repository.create({ code: 'MAY', shopId: 'shop-1', bonusValue: '5.00', endDate: '2099-05-31T23:59:59Z' });
  await setClock(repository, '2099-05-31T23:59:59Z');
  expect(await placeOrder(pool, repository, { customer: 'ann', code: 'MAY' })).toBe('25.00');
  await setClock(repository, '2099-06-01T00:00:00Z');
  await expect(placeOrder(pool, repository, { customer: 'bob', code: 'MAY' })).rejects.toThrow('expired');
});
