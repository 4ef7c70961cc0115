import { PGlite } from '@electric-sql/pglite';
import { fromPglite, poolFromPglite } from 'pg-promo-codes/adapters';
import { toHaveNoDrift, withInstalledSchema } from 'pg-promo-codes/testing';
import { afterAll, expect, test } from 'vitest';

expect.extend({ toHaveNoDrift });

const db = new PGlite();
const pool = poolFromPglite(db, { connectionTimeoutMillis: 2_000 });
afterAll(() => db.close());

test('an order and its promo code are undone together', async () => {
  await withInstalledSchema(pool, async ({ schema, repository }) => {
    const { id } = await repository.create({ code: 'SUMMER', shopId: 'shop-1', bonusValue: '5.00' });
    const request = { code: 'SUMMER', shopId: 'shop-1', customerAddress: 'ann', baseReward: '20.00' };
    await db.transaction(async (tx) => {
      expect(await repository.redeem(request, { client: fromPglite(tx) })).toMatchObject({ ok: true });
      await tx.rollback();
    });
    expect(await repository.findById(id)).toMatchObject({ timesUsed: 0 });
    await expect(pool).toHaveNoDrift({ schema });
  });
}, 60_000);
