import { beforeEach, describe, expect, it } from 'vitest';
import { useSchema } from '../support';
import { createHost, expectCounters, insert, unguarded, use, VARIANTS, versionsOfCodes } from './host';

const t = useSchema('removals');

describe.each(VARIANTS)('what is removed is no longer counted ($tables tables, $granularity triggers)', (variant) => {
  beforeEach(async () => {
    await createHost(t, variant);
    await t.sql(insert(use(1, 10), use(1, 20), use(2, 40), use(3, 80)));
  });

  it('DELETE of one use, of all uses of a code, of everything', async () => {
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 10');
    await expectCounters(t, { 1: [1, '20.00'], 2: [1, '40.00'], 3: [1, '80.00'] });
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 3');
    await expectCounters(t, { 1: [1, '20.00'], 2: [1, '40.00'] });
    await t.sql('DELETE FROM :"schema".promo_code_uses');
    await expectCounters(t, {});
  });

  it('DELETE … USING', async () => {
    await t.sql(
      `DELETE FROM :"schema".promo_code_uses AS u USING :"schema".promo_codes AS c
        WHERE c.id = u.promo_code_id AND c.code IN ('C1', 'C3')`,
    );
    await expectCounters(t, { 2: [1, '40.00'] });
  });

  it('a delete that matches nothing writes nothing', async () => {
    const before = await versionsOfCodes(t);
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE false');
    expect(await versionsOfCodes(t)).toBe(before);
  });

  it('a deleted code takes its uses along, without an error', async () => {
    await t.sql('DELETE FROM :"schema".promo_codes WHERE id IN (1, 3)');
    await expectCounters(t, { 2: [1, '40.00'] });
    expect((await t.sql('SELECT FROM :"schema".promo_code_uses')).rowCount).toBe(1);
  });

  it('a code and a use of another code, deleted by one statement', async () => {
    await t.sql(
      `WITH code AS (DELETE FROM :"schema".promo_codes WHERE id = 2)
       DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 10`,
    );
    await expectCounters(t, { 1: [1, '20.00'], 3: [1, '80.00'] });
  });

  it('TRUNCATE, after which counting goes on', async () => {
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    await expectCounters(t, {});
    await t.sql(insert(use(1, 1)));
    await expectCounters(t, { 1: [1, '1.00'] });
  });

  it('TRUNCATE touches only codes that had something', async () => {
    const rest = async () => (await versionsOfCodes(t)).split('; ').filter((row) => !/^[123] /.test(row));
    const before = await rest();
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    expect(await rest()).toEqual(before);
  });

  it('TRUNCATE of the codes with CASCADE, and of both tables', async () => {
    await t.sql('TRUNCATE :"schema".promo_codes CASCADE');
    await expectCounters(t, {});
    expect((await t.sql('SELECT FROM :"schema".promo_code_uses')).rowCount).toBe(0);
    await t.sql('TRUNCATE :"schema".promo_code_uses, :"schema".promo_codes RESTART IDENTITY');
    await expectCounters(t, {});
  });

  it('counters never go below zero: one that had drifted low is recounted', async () => {
    await t.sql(insert(use(2, 1)));
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 0 WHERE id = 1'));
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET total_bonus_issued = 0.01 WHERE id = 2'));
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount IN (10, 40)');
    await expectCounters(t, { 1: [1, '20.00'], 2: [1, '1.00'], 3: [1, '80.00'] });
  });

  it('a counter that had drifted low is recounted by a statement that deletes several uses as well', async () => {
    await t.sql(insert(use(1, 1), use(1, 2), use(1, 4)));
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 0 WHERE id = 1'));
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount IN (1, 2)');
    await expectCounters(t, { 1: [3, '34.00'], 2: [1, '40.00'], 3: [1, '80.00'] });
  });
});
