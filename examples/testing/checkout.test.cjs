const pg = require('pg');
const { setClock, toHaveNoDrift, withInstalledSchema } = require('pg-promo-codes/testing');

expect.extend({ toHaveNoDrift });

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
afterAll(() => pool.end());

const request = { code: 'MAY', shopId: 'shop-1', customerAddress: 'ann', baseReward: '20.00' };

test('a code is redeemed until its day is over, and the counters know it', () =>
  withInstalledSchema(pool, async ({ schema, repository }) => {
    await repository.create({ code: 'MAY', shopId: 'shop-1', bonusValue: '5.00', endDate: '2099-05-31T23:59:59Z' });
    await setClock(repository, '2099-05-31T23:59:59Z');
    expect(await repository.redeem(request)).toMatchObject({ ok: true, use: { totalReward: '25.00' } });
    await setClock(repository, '2099-06-01T00:00:00Z');
    expect(await repository.redeem({ ...request, customerAddress: 'bob' })).toMatchObject({ reason: 'expired' });
    await expect(pool).toHaveNoDrift({ schema });
  }));

test('drift is shown as a table', () =>
  withInstalledSchema(pool, async ({ schema, repository }) => {
    await repository.create({ code: 'MAY', shopId: 'shop-1', bonusValue: '5.00' });
    await pool.query(`ALTER TABLE ${schema}.promo_codes DISABLE TRIGGER USER;
      UPDATE ${schema}.promo_codes SET times_used = 3;
      ALTER TABLE ${schema}.promo_codes ENABLE TRIGGER USER`);
    await expect(pool).not.toHaveNoDrift({ schema });
    await expect(expect(pool).toHaveNoDrift({ schema })).rejects.toThrow(/1 code differs from the uses/);
  }));
