import { describe, expect, it } from 'vitest';
import { installTriggers, PromoCodeRepository, type ShopStats } from '../../src/index';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { useRepository } from '../support/repository';

const t = useRepository('shop stats');
const { repository, newCode, request } = t;

/** The day of a moment in a time zone. */
const dayIn = (timeZone: string, moment = new Date()) =>
  new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(moment);

describe('shopStats', () => {
  it('is what usageStats says of each code, added up, for a shop and for all', async () => {
    const codes = [
      await newCode({ shopId: 'added', perCustomerLimit: null }),
      await newCode({ shopId: 'added' }),
      await newCode({ shopId: 'added', isActive: false }),
    ];
    const [often, once] = codes as [(typeof codes)[0], (typeof codes)[0]];
    const bonuses = { Ann: '0.10', ' ann ': '0.20', bob: '9999999999999.99' };
    for (const [customerAddress, bonusAmount] of Object.entries(bonuses)) {
      await repository.redeem(request(often, { customerAddress, bonusAmount, baseReward: '0.01' }));
    }
    await repository.redeem(request(once, { customerAddress: 'ANN', bonusAmount: '0.03' }));
    const other = await newCode({ shopId: 'other' });
    await repository.redeem(request(other));
    const taken = await repository.redeem(request(other));
    if (taken.ok) await repository.rollbackUse(taken.use.id);

    const stats = await repository.shopStats({ shopId: 'added', days: 3 });
    expect(stats).toEqual({
      ...{ shopId: 'added', codes: 3, activeCodes: 2, totalUses: 4, distinctCustomers: 2, timeZone: 'UTC' },
      ...{ totalBonus: '10000000000000.32', totalBaseReward: '10.03', averageBonus: '2500000000000.08' },
      perDay: expect.anything(),
      topCodes: [await repository.findById(often.id), await repository.findById(once.id)],
    });
    const each = await Promise.all(codes.map(({ id }) => repository.usageStats(id, { days: 3 })));
    expect(stats.perDay).toEqual(
      each[0]!.perDay.map(({ date }, day) => ({
        date,
        uses: each.reduce((sum, { perDay }) => sum + perDay[day]!.uses, 0),
        bonus: day === 2 ? '10000000000000.32' : '0.00',
      })),
    );
    expect(each.map(({ totalUses }) => totalUses)).toEqual([3, 1, 0]);
    expect(await repository.shopStats({ shopId: 'other' })).toMatchObject({
      codes: 1,
      totalUses: 1,
      totalBonus: '5.00',
    });
    expect(await repository.shopStats()).toMatchObject({ shopId: null, codes: 4, totalUses: 5, distinctCustomers: 3 });
    const { topCodes } = await repository.shopStats({ top: 1 });
    expect(topCodes.map(({ id }) => id)).toEqual([often.id]);
    expect((await repository.shopStats({ top: 0 })).topCodes).toEqual([]);
  });

  it('of a shop without codes is zero, day by day', async () => {
    const none: Partial<ShopStats> = { shopId: 'none', codes: 0, activeCodes: 0, totalUses: 0, totalBonus: '0.00' };
    const stats = await repository.shopStats({ shopId: 'none', days: 2 });
    expect(stats).toMatchObject({ ...none, totalBaseReward: '0.00', averageBonus: '0.00', topCodes: [] });
    expect(stats.perDay.map(({ date, uses }) => [date, uses])).toEqual([
      [dayIn('UTC', new Date(Date.now() - 86_400_000)), 0],
      [dayIn('UTC'), 0],
    ]);
  });

  it('counts in the days of any time zone, those of 23 and of 25 hours included', async () => {
    const code = await newCode({ shopId: 'zones', perCustomerLimit: null });
    // The year before this one: both changes of the clock in Vienna.
    const year = new Date().getUTCFullYear() - 1;
    const changes = [3, 10].map((month) => {
      const last = new Date(Date.UTC(year, month, 0));
      return new Date(last.getTime() - last.getUTCDay() * 86_400_000).toISOString().slice(0, 10);
    });
    for (const day of changes) {
      // The first and the last second of the day, and those beside them.
      await t.sql(
        `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, bonus_amount, used_at)
         SELECT $1, 'c', 'zones', 1, m FROM unnest(ARRAY[
           ($2 || ' 00:00:00')::timestamp AT TIME ZONE 'Europe/Vienna' - interval '1 s',
           ($2 || ' 00:00:00')::timestamp AT TIME ZONE 'Europe/Vienna',
           ($2 || ' 23:59:59')::timestamp AT TIME ZONE 'Europe/Vienna',
           ($2 || ' 23:59:59')::timestamp AT TIME ZONE 'Europe/Vienna' + interval '1 s']) AS m`,
        [code.id, day],
      );
    }
    const { perDay } = await repository.shopStats({ shopId: 'zones', days: 800, timeZone: 'Europe/Vienna' });
    expect(perDay).toHaveLength(800);
    expect(new Set(perDay.map(({ date }) => date)).size).toBe(800);
    for (const day of changes)
      expect(perDay.find(({ date }) => date === day)).toMatchObject({ uses: 2, bonus: '2.00' });
    expect(perDay.reduce((sum, { uses }) => sum + uses, 0)).toBe(8);
    const inKiritimati = await repository.shopStats({ shopId: 'zones', days: 1, timeZone: 'Pacific/Kiritimati' });
    expect(inKiritimati.perDay.map(({ date }) => date)).toEqual([dayIn('Pacific/Kiritimati')]);
  });

  it.each([
    [{ top: 1_001 }, 'top'],
    [{ top: -1 }, 'top'],
    [{ days: 0 }, 'days'],
    [{ timeZone: 'Europe/Atlantis' }, 'timeZone'],
    [{ shopId: '' }, 'shopId'],
    [{ shop: 'x' }, 'shop'],
  ])('refuses %j', async (period, path) => {
    await expect(repository.shopStats(period as never)).rejects.toMatchObject({ issues: [{ path }] });
  });

  it('finds no shop that the database cannot write, and is part of the transaction of the host', async () => {
    const code = await newCode({ shopId: 'hosted' });
    const client = await t.client();
    await client.query('BEGIN');
    await repository.redeem(request(code), { client });
    expect(await repository.shopStats({ shopId: 'hosted' }, { client })).toMatchObject({ totalUses: 1 });
    expect(await repository.shopStats({ shopId: 'hosted' })).toMatchObject({ totalUses: 0 });
    await client.query('ROLLBACK');
  });
});

describe('on tables of a host', () => {
  const host = useSchema('host stats');

  it('soft-deleted uses are not counted, and columns that are not there add nothing', async () => {
    await host.sql(SEED_TABLES);
    await host.sql(`ALTER TABLE :"schema".promo_codes DROP total_bonus_issued, DROP shop_id;
      ALTER TABLE :"schema".promo_code_uses DROP bonus_amount, DROP base_reward, DROP total_reward, DROP shop_id,
        DROP used_at, ADD deleted_at timestamptz`);
    const columns = { bonusAmount: null, baseReward: null, totalReward: null, shopId: null, usedAt: null };
    await installTriggers(host.pool, {
      schema: host.schema,
      tables: {
        codes: { columns: { totalBonusIssued: null, shopId: null } },
        uses: { columns, rolledBack: { column: 'deleted_at' } },
      },
    });
    const onHost = new PromoCodeRepository(host.pool, { schema: host.schema });
    const code = await onHost.create({ code: 'X', bonusValue: 5, perCustomerLimit: null });
    const uses: string[] = [];
    for (const customerAddress of ['ann', 'bob']) {
      const made = await onHost.redeem({ code: 'X', customerAddress, baseReward: 1 });
      if (made.ok) uses.push(made.use.id);
    }
    await onHost.rollbackUse(uses[0]!);
    const stats = await onHost.shopStats({ days: 1 });
    expect(stats).toMatchObject({
      shopId: null,
      codes: 1,
      totalUses: 1,
      distinctCustomers: 1,
      topCodes: [{ id: code.id }],
    });
    expect(stats.perDay).toEqual([{ date: dayIn('UTC'), uses: 0, bonus: '0.00' }]);
    const { promoCodeId: _, ...ofCode } = await onHost.usageStats(code.id, { days: 1 });
    expect(stats).toMatchObject(ofCode);
  });
});
