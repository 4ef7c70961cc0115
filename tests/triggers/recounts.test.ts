import { beforeEach, describe, expect, it } from 'vitest';
import { useSchema, waitUntilBlocked } from '../support';
import { counters, createHost, expectCounters, insert, USUAL_GRANULARITIES, unguarded, use, VARIANTS } from './host';
import { session, sessions } from './session';

const t = useSchema('recounts');

const drift = (set: string, id = 1) => t.sql(unguarded(`UPDATE :"schema".promo_codes SET ${set} WHERE id = ${id}`));
const remove = (where: string) => `DELETE FROM :"schema".promo_code_uses WHERE ${where}`;

describe.each(VARIANTS)(
  'a counter that had drifted low is true after the next delete ($tables tables, $granularity triggers)',
  (variant) => {
    beforeEach(async () => {
      await createHost(t, variant);
      await t.sql(insert(use(1, '1.10'), use(1, '2.20'), use(1, '4.40'), use(2, 8)));
    });

    it.each(['times_used = 0', 'total_bonus_issued = 0', 'times_used = 0, total_bonus_issued = 0', 'times_used = 1'])(
      '%s',
      async (set) => {
        await drift(set);
        await t.sql(remove('bonus_amount IN (1.1, 2.2)'));
        await expectCounters(t, { 1: [1, '4.40'], 2: [1, '8.00'] });
      },
    );

    it('together with other writes of its statement and of its transaction', async () => {
      await drift('times_used = 0, total_bonus_issued = 0');
      const { sql } = await session(t);
      await sql('BEGIN');
      await sql(insert(use(2, 16)));
      await sql(`WITH gone AS (${remove('bonus_amount = 1.1')}), moved AS (
                 UPDATE :"schema".promo_code_uses SET promo_code_id = 2 WHERE bonus_amount = 2.2)
               ${insert(use(1, 32), use(3, 64))}`);
      await sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 33 WHERE bonus_amount = 32');
      await sql('COMMIT');
      await expectCounters(t, { 1: [2, '37.40'], 2: [3, '26.20'], 3: [1, '64.00'] });
    });

    it('also when a part of the transaction is rolled back', async () => {
      await drift('times_used = 0');
      const { sql } = await session(t);
      await sql('BEGIN');
      await sql('SAVEPOINT one');
      await sql(remove('bonus_amount = 1.1'));
      await sql('ROLLBACK TO one');
      await sql(remove('bonus_amount = 2.2'));
      await sql('COMMIT');
      await expectCounters(t, { 1: [2, '5.50'], 2: [1, '8.00'] });
    });

    it('also when the code is renumbered or deleted in the same transaction', async () => {
      const { sql } = await session(t);
      await drift('times_used = 0');
      await sql('BEGIN');
      await sql(remove('promo_code_id = 1'));
      await sql('UPDATE :"schema".promo_codes SET id = 100 WHERE id = 1');
      await sql(insert(use(100, 16)));
      await sql('COMMIT');
      await expectCounters(t, { 2: [1, '8.00'], 100: [1, '16.00'] });

      await drift('times_used = 0', 100);
      await sql('BEGIN');
      await sql(remove('promo_code_id = 100'));
      await sql('DELETE FROM :"schema".promo_codes WHERE id = 100');
      await sql('COMMIT');
      await expectCounters(t, { 2: [1, '8.00'] });
    });
  },
);

describe.each(USUAL_GRANULARITIES)('what is counted at the commit (%s triggers)', (granularity) => {
  it('is not in the way of amounts on columns without a scale', async () => {
    await createHost(t, {
      granularity,
      alter: `ALTER TABLE :"schema".promo_codes ALTER total_bonus_issued TYPE numeric;
              ALTER TABLE :"schema".promo_code_uses ALTER bonus_amount TYPE numeric`,
    });
    await t.sql(insert(use(1, '1.10'), use(1, '2.20')));
    await drift('total_bonus_issued = 0');
    await t.sql(remove('bonus_amount = 1.1'));
    await expectCounters(t, { 1: [1, '2.20'] });
    await drift('total_bonus_issued = NULL, times_used = NULL');
    await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 0.005');
    await t.sql(remove('true'));
    await expectCounters(t, {});
  });

  it('is refused there where it is below zero, and nothing stays', async () => {
    await createHost(t, { granularity });
    await t.sql(insert(use(1, 10), use(1, -4)));
    const { sql } = await session(t);
    await sql('BEGIN');
    await sql(insert(use(2, 1)));
    const refused = sql(remove('bonus_amount = 10')).then(() => sql('COMMIT'));
    await expect(refused).rejects.toMatchObject({ code: 'PC004' });
    await sql('ROLLBACK');
    await expectCounters(t, { 1: [2, '6.00'] });
  });
});

it('a recount waits for uses in flight, and counts them', async () => {
  await createHost(t);
  await t.sql(insert(use(1, 1)));
  await drift('times_used = 7');
  const [writing, recounting] = await sessions(t, 2);
  await writing!.sql('BEGIN');
  await writing!.sql(insert(use(1, 2)));
  const recounted = recounting!.sql('SELECT :"library".recount_promo_code_stats(1) AS corrected');
  await waitUntilBlocked(t.pool, recounting!.client);
  await writing!.sql('COMMIT');
  expect((await recounted).rows).toEqual([{ corrected: true }]);
  await expectCounters(t, { 1: [2, '3.00'] });
  const { rows } = await t.sql('SELECT :"library".recount_promo_code_stats(1) AS corrected');
  expect(rows).toEqual([{ corrected: false }]);
});

it('a migration may insert codes and alter their table in one transaction', async () => {
  await createHost(t);
  const { sql } = await session(t);
  await sql('BEGIN');
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('SEEDED', 'shop')`);
  await sql(insert(use(10, 1)));
  await sql('UPDATE :"schema".promo_codes SET name = code');
  await sql('ALTER TABLE :"schema".promo_codes ALTER name SET NOT NULL');
  await sql('CREATE INDEX ON :"schema".promo_codes (name)');
  await sql('COMMIT');
  expect(await counters(t)).toEqual({ 10: [1, '1.00'] });
});
