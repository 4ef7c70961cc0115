import { beforeEach, describe, expect, it } from 'vitest';
import {
  checkDrift,
  type InstallOptions,
  inspectTriggers,
  installTriggers,
  PromoCodeRepository,
  repairDrift,
} from '../../src/index';
import { cases, useSchema } from '../support';
import { createHost, insert, USUAL_GRANULARITIES, unguarded, use } from './host';

const t = useSchema('absent columns');

/** What a host lacks, and which counters it has. */
const HOSTS: { lacks: string; drop: string; counters: string[]; columns: Record<string, null> }[] = [
  { lacks: 'times_used', drop: 'times_used', counters: ['total_bonus_issued'], columns: { timesUsed: null } },
  {
    lacks: 'total_bonus_issued',
    drop: 'total_bonus_issued',
    counters: ['times_used'],
    columns: { totalBonusIssued: null },
  },
  {
    lacks: 'updated_at',
    drop: 'updated_at',
    counters: ['times_used', 'total_bonus_issued'],
    columns: { updatedAt: null },
  },
  {
    lacks: 'times_used and updated_at',
    drop: 'times_used, DROP updated_at',
    counters: ['total_bonus_issued'],
    columns: { timesUsed: null, updatedAt: null },
  },
];

describe.each(
  cases('hosts without columns', HOSTS, (_, index) => index % 2 === 0).flatMap((host) =>
    USUAL_GRANULARITIES.map((granularity) => ({ ...host, granularity })),
  ),
)('a host without $lacks ($granularity triggers)', ({ drop, counters: names, columns, granularity }) => {
  const described: InstallOptions['tables'] = { codes: { columns } };
  /** The counters of the codes 1 to 3, as far as the host has them. */
  const counters = async () => {
    const { rows } = await t.sql<Record<string, string>>(
      `SELECT ${names.map((name) => `${name}::text`).join(', ')} FROM :"schema".promo_codes WHERE id < 4 ORDER BY id`,
    );
    return rows.map((row) => names.map((name) => row[name]));
  };
  const expectCounters = async (...expected: [uses: number, bonus: string][]) => {
    const wanted = expected.map(([uses, bonus]) => names.map((name) => (name === 'times_used' ? String(uses) : bonus)));
    expect(await counters()).toEqual(wanted);
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
  };
  const set = (value: number) => names.map((name) => `${name} = ${value}`).join(', ');

  beforeEach(async () => {
    await createHost(t, {
      granularity,
      described,
      alter: `ALTER TABLE :"schema".promo_codes DROP ${drop}`,
    });
    await t.sql(insert(use(1, 1), use(1, 2), use(2, 4)));
  });

  it('is in order, and counts whatever is written', async () => {
    expect(await inspectTriggers(t.pool, { schema: t.schema })).toMatchObject({ ok: true });
    await expectCounters([2, '3.00'], [1, '4.00'], [0, '0.00']);
    await t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 3, bonus_amount = 8 WHERE bonus_amount = 2');
    await expectCounters([1, '1.00'], [1, '4.00'], [1, '8.00']);
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
    await expectCounters([0, '0.00'], [1, '4.00'], [1, '8.00']);
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    await expectCounters([0, '0.00'], [0, '0.00'], [0, '0.00']);
  });

  it('a drifted counter is recounted at commit where it would go below zero, and repaired where not', async () => {
    await t.sql(unguarded(`UPDATE :"schema".promo_codes SET ${set(0)} WHERE id = 1`));
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
    await expectCounters([1, '2.00'], [1, '4.00'], [0, '0.00']);
    await t.sql(unguarded(`UPDATE :"schema".promo_codes SET ${set(7)} WHERE id = 1`));
    const repaired = await repairDrift(t.pool, { schema: t.schema });
    expect(repaired).toMatchObject([
      {
        promoCodeId: '1',
        timesUsed: names.includes('times_used') ? 7 : null,
        totalBonusIssued: names.includes('total_bonus_issued') ? '7.00' : null,
      },
    ]);
    await expectCounters([1, '2.00'], [1, '4.00'], [0, '0.00']);
  });

  it.each(['ignore', 'reject', 'allow'] as const)(
    'counterWrites %s is for the counters that there are',
    async (mode) => {
      await installTriggers(t.pool, { schema: t.schema, counterWrites: mode });
      const written = t.sql(`UPDATE :"schema".promo_codes SET ${set(9)} WHERE id = 1`);
      if (mode === 'reject') {
        const message = expect.stringMatching(new RegExp(`^${names.join(' and ')} of promo_codes are kept`));
        await expect(written).rejects.toMatchObject({ code: 'PC001', message });
      } else await written;
      expect((await counters())[0]).toEqual(
        names.map((name) =>
          name === 'times_used' ? (mode === 'allow' ? '9' : '2') : mode === 'allow' ? '9.00' : '3.00',
        ),
      );
    },
  );

  it('limits are enforced all the same', async () => {
    await installTriggers(t.pool, { schema: t.schema, enforceLimits: true });
    await t.sql('UPDATE :"schema".promo_codes SET total_usage_limit = 2, per_customer_limit = 1');
    await expect(t.sql(insert(use(1, 8, 'new')))).rejects.toMatchObject({ code: 'PC002' });
    await expect(t.sql(insert(use(2, 8)))).rejects.toMatchObject({ code: 'PC003' });
    await t.sql(insert(use(2, 8, 'new')));
    await expectCounters([2, '3.00'], [2, '12.00'], [0, '0.00']);
  });
});

it('uses without amounts are counted by number', async () => {
  await createHost(t, {
    described: { codes: { columns: { totalBonusIssued: null } }, uses: { columns: { bonusAmount: null } } },
    alter:
      'ALTER TABLE :"schema".promo_code_uses DROP bonus_amount; ALTER TABLE :"schema".promo_codes DROP total_bonus_issued',
  });
  await t.sql(
    `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, total_reward)
     VALUES (1, 'a', 'shop', 1, 1), (2, 'a', 'shop', 1, 1), (1, 'b', 'shop', 1, 1)`,
  );
  await t.sql(`UPDATE :"schema".promo_code_uses SET promo_code_id = 3 WHERE customer_address = 'b'`);
  const { rows } = await t.sql('SELECT id, times_used FROM :"schema".promo_codes WHERE times_used > 0 ORDER BY id');
  expect(rows).toEqual([1, 2, 3].map((id) => ({ id, times_used: 1 })));
  expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
});

it.each(USUAL_GRANULARITIES)(
  'uses without an id, a customer and a shop are counted, also when they move (%s)',
  async (granularity) => {
    await createHost(t, {
      granularity,
      described: { uses: { columns: { id: null, customerAddress: null, shopId: null } } },
      alter: 'ALTER TABLE :"schema".promo_code_uses DROP id, DROP customer_address, DROP shop_id',
    });
    expect(await inspectTriggers(t.pool, { schema: t.schema })).toMatchObject({ ok: true });
    expect(await installTriggers(t.pool, { schema: t.schema })).toMatchObject({ changed: false });
    await t.sql(
      `INSERT INTO :"schema".promo_code_uses (promo_code_id, bonus_amount, base_reward, total_reward)
     VALUES (1, 1, 1, 1), (2, 2, 1, 1), (1, 4, 1, 1)`,
    );
    await t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 3 WHERE bonus_amount = 4');
    const { rows } = await t.sql(
      'SELECT id, total_bonus_issued AS bonus FROM :"schema".promo_codes WHERE times_used > 0 ORDER BY id',
    );
    expect(rows).toEqual([
      { id: 1, bonus: '1.00' },
      { id: 2, bonus: '2.00' },
      { id: 3, bonus: '4.00' },
    ]);
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
    const ask = { code: 'C1', shopId: 'shop', customerAddress: 'ann', baseReward: 10 };
    await expect(new PromoCodeRepository(t.pool, { schema: t.schema }).redeem(ask)).rejects.toThrow(
      /promo_code_uses has no column described as id, which redeeming needs/,
    );
  },
);
