import { beforeEach, describe, expect, it } from 'vitest';
import { checkDrift } from '../../src/index';
import { useSchema } from '../support';
import {
  counters,
  createHost,
  expectCounters,
  insert,
  USUAL_GRANULARITIES,
  unguarded,
  use,
  VARIANTS,
  versionsOfCodes,
} from './host';

const t = useSchema('amounts');
const schema = t.schema;

/** Columns without a scale hold any number of decimal places, and infinities, which numeric(18,2) refuses by itself. */
const WITHOUT_SCALE = `
  ALTER TABLE :"schema".promo_codes ALTER total_bonus_issued TYPE numeric;
  ALTER TABLE :"schema".promo_code_uses ALTER bonus_amount TYPE numeric`;
const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'];

describe.each(VARIANTS)('amounts are exact ($tables tables, $granularity triggers)', (variant) => {
  beforeEach(() => createHost(t, variant));

  it('0.1 and 0.2 make 0.3, and a thousand cents make 10.00', async () => {
    await t.sql(insert(use(1, '0.1'), use(1, '0.2')));
    await t.sql(insert(...Array.from({ length: 1000 }, () => use(2, '0.01'))));
    await expectCounters(t, { 1: [2, '0.30'], 2: [1000, '10.00'] });
    await t.sql(`DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 0.1`);
    await expectCounters(t, { 1: [1, '0.20'], 2: [1000, '10.00'] });
  });

  it('as many digits as the column has', async () => {
    await t.sql(insert(use(1, '9999999999999998.99'), use(1, '0.99')));
    await expectCounters(t, { 1: [2, '9999999999999999.98'] });
  });

  it('a total that the column cannot hold is an error and leaves nothing', async () => {
    await t.sql(insert(use(1, '9999999999999999.99')));
    await expect(t.sql(insert(use(2, 1), use(1, '0.01')))).rejects.toMatchObject({ code: '22003' });
    await expectCounters(t, { 1: [1, '9999999999999999.99'] });
  });

  it('more uses than times_used can hold are an error and leave nothing', async () => {
    await t.sql(unguarded(`UPDATE :"schema".promo_codes SET times_used = 2147483646 WHERE id = 1`));
    await t.sql(insert(use(1, 1)));
    await expect(t.sql(insert(use(2, 1), use(1, 1)))).rejects.toMatchObject({ code: '22003' });
    expect(await counters(t)).toEqual({ 1: [2147483647, '1.00'] });
    expect((await t.sql('SELECT FROM :"schema".promo_code_uses')).rowCount).toBe(1);
  });

  it('NaN is refused, inserted or updated, and leaves nothing', async () => {
    await t.sql(insert(use(1, 1)));
    // On our own tables a constraint is faster than the trigger.
    const refused = { code: variant.tables === 'seed' ? 'PC004' : '23514' };
    await expect(t.sql(insert(use(2, 1), use(1, `'NaN'`)))).rejects.toMatchObject(refused);
    await expect(t.sql(`UPDATE :"schema".promo_code_uses SET bonus_amount = 'NaN'`)).rejects.toMatchObject(refused);
    await expectCounters(t, { 1: [1, '1.00'] });
  });
});

describe.each(USUAL_GRANULARITIES)('on columns without a scale (%s triggers)', (granularity) => {
  beforeEach(() => createHost(t, { granularity, alter: WITHOUT_SCALE }));

  it('many decimal places are kept', async () => {
    await t.sql(insert(use(1, '0.000000000000000000000000000001'), use(1, '2'), use(1, '0.3')));
    await expectCounters(t, { 1: [3, '2.300000000000000000000000000001'] });
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount < 0.1');
    await expectCounters(t, { 1: [2, '2.300000000000000000000000000000'] });
  });

  it.each(NOT_FINITE)('%s is refused in whatever company, and says which column', async (amount) => {
    await t.sql(insert(use(1, 1), use(2, 2)));
    const refused = { code: 'PC004', table: 'promo_code_uses', column: 'bonus_amount' };
    for (const statement of [
      insert(use(1, `'${amount}'`)),
      insert(use(3, 1), use(2, `'${amount}'`), use(1, 1)),
      insert(use(1, `'Infinity'`), use(1, `'-Infinity'`)),
      `UPDATE :"schema".promo_code_uses SET bonus_amount = '${amount}' WHERE promo_code_id = 1`,
      `UPDATE :"schema".promo_code_uses SET bonus_amount = '${amount}', promo_code_id = 3 WHERE promo_code_id = 1`,
    ]) {
      await expect(t.sql(statement), statement).rejects.toMatchObject(refused);
    }
    await expectCounters(t, { 1: [1, '1'], 2: [1, '2'] });
  });
});

describe.each(USUAL_GRANULARITIES)(
  'amounts that are not finite, from a time without the triggers (%s triggers)',
  (granularity) => {
    const notFinite = () =>
      checkDrift(t.pool, { schema }).then((records) => records.map(({ promoCodeId }) => promoCodeId));

    beforeEach(async () => {
      await createHost(t, { granularity, alter: WITHOUT_SCALE });
      await t.sql(insert(use(1, 1), use(2, 2)));
      await t.sql('ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER USER');
      await t.sql(insert(use(1, `'NaN'`), use(2, `'Infinity'`), use(2, `'-Infinity'`)));
      await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 1 + id WHERE id < 3'));
      await t.sql('ALTER TABLE :"schema".promo_code_uses ENABLE TRIGGER USER');
      expect(await notFinite()).toEqual(['1', '2']);
    });

    it('do not poison the total, and can be deleted', async () => {
      await t.sql(insert(use(1, 10), use(2, 20)));
      expect(await counters(t)).toEqual({ 1: [3, '11'], 2: [4, '22'] });
      await t.sql(`DELETE FROM :"schema".promo_code_uses WHERE bonus_amount IN ('NaN', 'Infinity', '-Infinity')`);
      await expectCounters(t, { 1: [2, '11'], 2: [2, '22'] });
    });

    it('can be corrected', async () => {
      await t.sql(
        `UPDATE :"schema".promo_code_uses SET bonus_amount = 5 WHERE bonus_amount IN ('NaN', 'Infinity', '-Infinity')`,
      );
      await expectCounters(t, { 1: [2, '6'], 2: [3, '12'] });
    });

    it('do not stand in the way of an update of something else', async () => {
      await t.sql(`UPDATE :"schema".promo_code_uses SET transaction_id = 'tx'`);
      await t.sql(`UPDATE :"schema".promo_code_uses SET bonus_amount = 3 WHERE bonus_amount = 1`);
      expect(await counters(t)).toEqual({ 1: [2, '3'], 2: [3, '2'] });
    });

    it('do not come back through a recount', async () => {
      await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 0 WHERE id = 1'));
      await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
      expect(await counters(t)).toMatchObject({ 1: [1, '0'] });
    });
  },
);

describe.each(USUAL_GRANULARITIES)(
  'negative amounts correct earlier ones, on a host that allows them (%s triggers)',
  (granularity) => {
    beforeEach(async () => {
      await createHost(t, { granularity });
      await t.sql(insert(use(1, 10)));
    });

    it('as long as the total is not below zero', async () => {
      await t.sql(insert(use(1, '-2.50')));
      await expectCounters(t, { 1: [2, '7.50'] });
      await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount < 0');
      await expectCounters(t, { 1: [1, '10.00'] });
      const update = t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = -0.01 WHERE bonus_amount = 10');
      await expect(update).rejects.toMatchObject({ code: 'PC004' });
      await expect(t.sql(insert(use(2, 1), use(1, '-10.01')))).rejects.toMatchObject({ code: 'PC004' });
      await expectCounters(t, { 1: [1, '10.00'] });
      await t.sql(insert(use(1, -10)));
      await expectCounters(t, { 1: [2, '0.00'] });
      await expect(t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 10')).rejects.toMatchObject({
        code: 'PC004',
      });
      await expectCounters(t, { 1: [2, '0.00'] });
    });

    it('a correction and what makes up for it, in one statement and either order', async () => {
      await t.sql(insert(use(1, 10), use(1, -15)));
      await expectCounters(t, { 1: [3, '5.00'] });
      await t.sql(insert(use(1, -15), use(1, 10)));
      await expectCounters(t, { 1: [5, '0.00'] });
    });

    it('what makes up for a correction may also be another kind of write of the same statement', async () => {
      await t.sql(insert(use(1, -5)));
      await t.sql(
        `WITH gone AS (DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 10 RETURNING 1) ${insert(use(1, 9))}`,
      );
      await expectCounters(t, { 1: [2, '4.00'] });
      await t.sql(
        `INSERT INTO :"schema".promo_code_uses (id, promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward)
       SELECT id, 1, -9, 'a', 'shop', 1, 1 FROM :"schema".promo_code_uses WHERE bonus_amount = 9
       UNION ALL VALUES (100, 1, 20, 'b', 'shop', 1, 1)
       ON CONFLICT (id) DO UPDATE SET bonus_amount = excluded.bonus_amount`,
      );
      await expectCounters(t, { 1: [3, '6.00'] });
    });

    it('uses that change places, one of whose codes has a correction', async () => {
      await t.sql(insert(use(1, -2), use(2, 3)));
      await t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 3 - promo_code_id WHERE bonus_amount > 0');
      await expectCounters(t, { 1: [2, '1.00'], 2: [1, '10.00'] });
    });
  },
);

it('writing an amount as it was in another scale writes nothing on columns without a scale either', async () => {
  await createHost(t, { alter: WITHOUT_SCALE });
  await t.sql(insert(use(1, '1.50')));
  const before = await versionsOfCodes(t);
  await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 1.5000');
  expect(await versionsOfCodes(t)).toBe(before);
  await expectCounters(t, { 1: [1, '1.50'] });
});
