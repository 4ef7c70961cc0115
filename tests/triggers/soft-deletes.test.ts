import { beforeEach, describe, expect, it } from 'vitest';
import { checkDrift, type InstallOptions, installTriggers, repairDrift } from '../../src/index';
import { useSchema } from '../support';
import { counters, createHost, insert, USUAL_GRANULARITIES, unguarded, use } from './host';
import { session } from './session';

const t = useSchema('soft deletes');

type Described = InstallOptions['tables'];

/** A host that keeps the uses that were rolled back: by a timestamp, and by a status. */
const KINDS = [
  {
    kind: 'timestamp',
    type: 'timestamptz',
    column: 'cancelled_at timestamptz',
    described: { uses: { rolledBack: { column: 'cancelled_at' } } } satisfies Described,
    gone: `cancelled_at = '2026-01-01'`,
    back: 'cancelled_at = NULL',
    otherWord: `cancelled_at = '2027-01-01'`,
  },
  {
    kind: 'status',
    type: 'text',
    column: `"It's state" text DEFAULT 'paid'`,
    described: {
      uses: { rolledBack: { column: "It's state", counts: ['paid', 'on "hold"'], value: 'void' } },
    } satisfies Described,
    gone: `"It's state" = 'void'`,
    back: `"It's state" = 'on "hold"'`,
    // NULL is none of the values that count.
    otherWord: `"It's state" = NULL`,
  },
];

const VARIANTS = KINDS.flatMap((kind) => USUAL_GRANULARITIES.map((granularity) => ({ ...kind, granularity })));

describe.each(VARIANTS)('uses that are kept when they are rolled back, by $kind ($granularity triggers)', (variant) => {
  const { type, column, described, gone, back, otherWord, granularity } = variant;
  const options = { granularity, described };
  const update = (set: string, where = 'true') => t.sql(`UPDATE :"schema".promo_code_uses SET ${set} WHERE ${where}`);
  const expectCounters = async (expected: Awaited<ReturnType<typeof counters>>) => {
    expect(await counters(t)).toEqual(expected);
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
  };

  beforeEach(async () => {
    await createHost(t, { ...options, alter: `ALTER TABLE :"schema".promo_code_uses ADD ${column}` });
    await t.sql(insert(use(1, 1), use(1, 2), use(2, 4)));
  });

  it('a use that is rolled back counts no more, and once it is put back it counts', async () => {
    await update(gone, 'bonus_amount = 2');
    await expectCounters({ 1: [1, '1.00'], 2: [1, '4.00'] });
    await update(otherWord, 'bonus_amount = 2');
    await expectCounters({ 1: [1, '1.00'], 2: [1, '4.00'] });
    await update(back);
    await expectCounters({ 1: [2, '3.00'], 2: [1, '4.00'] });
    await update(gone);
    await expectCounters({});
  });

  it('one that is inserted as rolled back does not count, beside one that does', async () => {
    const [name = '', value = ''] = gone.split(' = ');
    await t.sql(
      `INSERT INTO :"schema".promo_code_uses (promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward, ${name})
       SELECT p.id, 8, 'x', 'shop', 1, 1, ${value} FROM :"schema".promo_codes AS p WHERE id IN (1, 3)`,
    );
    await expectCounters({ 1: [2, '3.00'], 2: [1, '4.00'] });
    await update(back, 'promo_code_id = 3');
    await expectCounters({ 1: [2, '3.00'], 2: [1, '4.00'], 3: [1, '8.00'] });
  });

  it('amounts of one that is rolled back do not count, and count with it', async () => {
    await update(gone, 'bonus_amount = 2');
    await update('bonus_amount = 16', 'bonus_amount = 2');
    await expectCounters({ 1: [1, '1.00'], 2: [1, '4.00'] });
    await update(`bonus_amount = 32, ${back}`, 'bonus_amount = 16');
    await expectCounters({ 1: [2, '33.00'], 2: [1, '4.00'] });
    await update(`bonus_amount = 64, ${gone}`, 'bonus_amount = 32');
    await expectCounters({ 1: [1, '1.00'], 2: [1, '4.00'] });
  });

  it('one that is moved while it is rolled back counts nowhere; rolled back, or put back, with the move', async () => {
    await update(gone, 'bonus_amount = 2');
    await update('promo_code_id = 3', 'bonus_amount = 2');
    await expectCounters({ 1: [1, '1.00'], 2: [1, '4.00'] });
    await update(`promo_code_id = 4, ${back}`, 'bonus_amount = 2');
    await expectCounters({ 1: [1, '1.00'], 2: [1, '4.00'], 4: [1, '2.00'] });
    await update(`promo_code_id = 2, ${gone}`, 'bonus_amount = 2');
    await expectCounters({ 1: [1, '1.00'], 2: [1, '4.00'] });
  });

  it('one statement may roll some back, put others back and move others', async () => {
    await update(gone, 'bonus_amount = 4');
    const [name = '', nothing = ''] = back.split(' = ');
    const [, value = ''] = gone.split(' = ');
    await update(
      `${name} = CASE bonus_amount WHEN 1 THEN ${value}::${type} ELSE ${nothing} END,
       promo_code_id = CASE WHEN bonus_amount = 2 THEN 3 ELSE promo_code_id END`,
    );
    await expectCounters({ 2: [1, '4.00'], 3: [1, '2.00'] });
  });

  it('a deleted use is taken off only if it counted', async () => {
    // The smaller one: a counter below zero would be recounted.
    await update(gone, 'bonus_amount = 1');
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
    await expectCounters({ 1: [1, '2.00'], 2: [1, '4.00'] });
    await update(gone, 'bonus_amount = 4');
    await t.sql('DELETE FROM :"schema".promo_code_uses');
    await expectCounters({});
  });

  it('an upsert counts what it inserts and what it puts back', async () => {
    await update(gone, 'bonus_amount = 2');
    const values = [2, 3, 50].map((id) => `(${id}, 1, 8, 'x', 'shop', 1, 1)`);
    await t.sql(
      `INSERT INTO :"schema".promo_code_uses (id, promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward)
       VALUES ${values.join(', ')} ON CONFLICT (id) DO UPDATE SET ${back}, bonus_amount = EXCLUDED.bonus_amount`,
    );
    await expectCounters({ 1: [3, '17.00'], 2: [1, '8.00'] });
  });

  it('TRUNCATE leaves nothing', async () => {
    await update(gone, 'bonus_amount = 2');
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    await expectCounters({});
  });

  it('a recount counts those that count: of a drifted counter at commit, and by repairDrift', async () => {
    await update(gone, 'bonus_amount = 2');
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 0, total_bonus_issued = 0 WHERE id = 1'));
    // It would go below zero.
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
    await expectCounters({ 2: [1, '4.00'] });
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 9, total_bonus_issued = 9'));
    await repairDrift(t.pool, { schema: t.schema });
    await expectCounters({ 2: [1, '4.00'] });
  });

  it('a code that comes after its uses counts those that count', async () => {
    await t.sql('ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey');
    await t.sql(insert(use(100, 8), use(100, 16)));
    await update(gone, 'bonus_amount = 16');
    await t.sql(`INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (100, 'LATE', 'shop')`);
    await expectCounters({ 1: [2, '3.00'], 2: [1, '4.00'], 100: [1, '8.00'] });
  });

  it('limits are those of the uses that count, and one is not put back beyond them', async () => {
    await installTriggers(t.pool, { schema: t.schema, enforceLimits: true });
    await t.sql('UPDATE :"schema".promo_codes SET total_usage_limit = 2 WHERE id = 1');
    await t.sql('UPDATE :"schema".promo_codes SET per_customer_limit = 1 WHERE id = 2');
    await expect(t.sql(insert(use(1, 8)))).rejects.toMatchObject({ code: 'PC002' });
    await expect(t.sql(insert(use(2, 8)))).rejects.toMatchObject({ code: 'PC003' });
    await update(gone, 'bonus_amount >= 2');
    await t.sql(insert(use(1, 8), use(2, 16)));
    await expect(update(back, 'bonus_amount = 2')).rejects.toMatchObject({ code: 'PC002' });
    await expect(update(back, 'bonus_amount = 4')).rejects.toMatchObject({ code: 'PC003' });
    await update('promo_code_id = 1', 'bonus_amount = 4');
    await expectCounters({ 1: [2, '9.00'], 2: [1, '16.00'] });
  });

  it('an older transaction that puts a use back, and a newer that rolls one back, both count', async () => {
    await update(gone, 'bonus_amount = 2');
    const [one, other] = await Promise.all([session(t), session(t)]);
    await one.sql('BEGIN');
    await one.sql(`UPDATE :"schema".promo_code_uses SET ${back} WHERE bonus_amount = 2`);
    const second = other.sql(`UPDATE :"schema".promo_code_uses SET ${gone} WHERE bonus_amount = 1`);
    await one.sql('COMMIT');
    await second;
    await expectCounters({ 1: [1, '2.00'], 2: [1, '4.00'] });
  });
});

it.each(KINDS)('counters of uses that are there at the installation are those that count ($kind)', async (variant) => {
  const { column, described, gone } = variant;
  await createHost(t, {
    described,
    alter: `ALTER TABLE :"schema".promo_code_uses ADD ${column};
      INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (50, 'OLD', 'shop');
      INSERT INTO :"schema".promo_code_uses (promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward)
        VALUES (50, 1, 'x', 'shop', 1, 1), (50, 2, 'x', 'shop', 1, 1);
      UPDATE :"schema".promo_code_uses SET ${gone} WHERE bonus_amount = 1`,
  });
  expect(await counters(t)).toEqual({ 50: [1, '2.00'] });
});
