import { beforeEach, describe, expect, it } from 'vitest';
import { useSchema } from '../support';
import { copyFrom } from './copy';
import { createHost, expectCounters, insert, USE_COLUMNS, use, VARIANTS } from './host';
import { session } from './session';

const t = useSchema('limits');
const limit = (total: number | null, perCustomer: number | null, codes = 'true') =>
  t.sql(`UPDATE :"schema".promo_codes SET total_usage_limit = $1, per_customer_limit = $2 WHERE ${codes}`, [
    total,
    perCustomer,
  ]);
const update = (set: string, where = 'true') => t.sql(`UPDATE :"schema".promo_code_uses SET ${set} WHERE ${where}`);

const BEYOND_TOTAL = { code: 'PC002', table: 'promo_code_uses' };
const BEYOND_CUSTOMER = { code: 'PC003', table: 'promo_code_uses' };

describe.each(VARIANTS)('enforceLimits ($tables tables, $granularity triggers)', (variant) => {
  beforeEach(() => createHost(t, { ...variant, enforceLimits: true }));

  describe('the limit in total', () => {
    it('is reached, and not passed', async () => {
      await limit(2, null);
      await t.sql(insert(use(1)));
      await t.sql(insert(use(1)));
      await expect(t.sql(insert(use(1)))).rejects.toMatchObject({ ...BEYOND_TOTAL, schema: t.schema });
      await expectCounters(t, { 1: [2, '10.00'] });
    });

    it('is not passed by a statement of many uses, of which none stays', async () => {
      await limit(2, null);
      await expect(t.sql(insert(use(2), use(1), use(1), use(1)))).rejects.toMatchObject(BEYOND_TOTAL);
      await expectCounters(t, {});
      await t.sql(insert(use(2), use(1), use(1)));
      await expectCounters(t, { 1: [2, '10.00'], 2: [1, '5.00'] });
    });

    it('is not passed by INSERT … SELECT, COPY, an upsert or a CTE', async () => {
      await limit(2, null);
      await t.sql(insert(use(1), use(1)));
      const values = `VALUES (1, 5, 'x', 'shop', 1, 1)`;
      for (const statement of [
        `INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} SELECT * FROM (${values}) AS v`,
        `INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} ${values} ON CONFLICT (id) DO UPDATE SET bonus_amount = 1`,
        `WITH added AS (INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} ${values} RETURNING 1) SELECT * FROM added`,
      ]) {
        await expect(t.sql(statement), statement).rejects.toMatchObject(BEYOND_TOTAL);
      }
      const { client } = await session(t);
      const copy = t.expand(`COPY :"schema".promo_code_uses ${USE_COLUMNS} FROM STDIN`);
      await expect(copyFrom(client, copy, ['1\t5\tx\tshop\t1\t1'])).rejects.toMatchObject(BEYOND_TOTAL);
      await expectCounters(t, { 1: [2, '10.00'] });
    });

    it('is free again after a delete, a rollback and TRUNCATE', async () => {
      await limit(1, null);
      await t.sql(insert(use(1, 1)));
      await t.sql('DELETE FROM :"schema".promo_code_uses');
      const { sql } = await session(t);
      await sql('BEGIN');
      await sql(insert(use(1, 2)));
      await sql('ROLLBACK');
      await t.sql(insert(use(1, 4)));
      await t.sql('TRUNCATE :"schema".promo_code_uses');
      await t.sql(insert(use(1, 8)));
      await expectCounters(t, { 1: [1, '8.00'] });
    });

    it('lets a use of a full code be replaced by one statement', async () => {
      await limit(1, 1);
      await t.sql(insert(use(1, 1)));
      await t.sql(
        `WITH gone AS (DELETE FROM :"schema".promo_code_uses RETURNING promo_code_id)
         INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} SELECT promo_code_id, 2, 'someone', 'shop', 1, 1 FROM gone`,
      );
      await expectCounters(t, { 1: [1, '2.00'] });
    });

    it('that was lowered below the uses refuses more, and nothing else', async () => {
      await t.sql(insert(use(1, 1), use(1, 2), use(1, 4)));
      await limit(1, null);
      await expect(t.sql(insert(use(1)))).rejects.toMatchObject(BEYOND_TOTAL);
      await update(`bonus_amount = bonus_amount + 1, transaction_id = 'tx', customer_address = 'another'`);
      await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 2');
      await expect(t.sql(insert(use(1)))).rejects.toMatchObject(BEYOND_TOTAL);
      await update('promo_code_id = 2', 'bonus_amount = 3');
      await limit(2, null);
      await t.sql(insert(use(1, 8)));
      await expectCounters(t, { 1: [2, '13.00'], 2: [1, '3.00'] });
    });

    it('does not let a use be moved into a full code, but out of it', async () => {
      await limit(1, null);
      await t.sql(insert(use(1, 1), use(2, 2)));
      await expect(update('promo_code_id = 1', 'promo_code_id = 2')).rejects.toMatchObject(BEYOND_TOTAL);
      await update('promo_code_id = 3', 'promo_code_id = 2');
      await update('promo_code_id = 2', 'promo_code_id = 1');
      await expectCounters(t, { 2: [1, '1.00'], 3: [1, '2.00'] });
    });

    it('NULL is none', async () => {
      await limit(null, null);
      await t.sql(insert(...Array.from({ length: 50 }, () => use(1, 1))));
      await expectCounters(t, { 1: [50, '50.00'] });
    });
  });

  describe('the limit of a customer', () => {
    it('is reached, and not passed, by each customer for itself', async () => {
      await limit(null, 2);
      await t.sql(insert(use(1, 1, 'ann'), use(1, 1, 'ben'), use(2, 1, 'ann')));
      await t.sql(insert(use(1, 1, 'ann')));
      await expect(t.sql(insert(use(1, 1, 'ann')))).rejects.toMatchObject({ ...BEYOND_CUSTOMER, schema: t.schema });
      await t.sql(insert(use(1, 1, 'ben'), use(2, 1, 'ann')));
      await expectCounters(t, { 1: [4, '4.00'], 2: [2, '2.00'] });
    });

    it('is not passed by a statement of many uses, of which none stays', async () => {
      await limit(null, 2);
      const uses = [use(1, 1, 'ann'), use(2, 1, 'ben'), use(1, 1, 'ann'), use(1, 1, 'ann')];
      await expect(t.sql(insert(...uses))).rejects.toMatchObject(BEYOND_CUSTOMER);
      await expectCounters(t, {});
    });

    it('takes addresses for the same that differ in case and in spaces around them', async () => {
      await limit(null, 1);
      await t.sql(insert(use(1, 1, '0xAbC')));
      for (const address of ['0xabc', '0XABC', ' 0xabc', '0xabc  ', ' 0xABc ']) {
        await expect(t.sql(insert(use(1, 1, address))), address).rejects.toMatchObject(BEYOND_CUSTOMER);
      }
      await expect(t.sql(insert(use(2, 1, 'É'), use(2, 1, ' é')))).rejects.toMatchObject(BEYOND_CUSTOMER);
      await t.sql(insert(use(1, 1, '0x abc'), use(1, 1, '0xab')));
      await expectCounters(t, { 1: [3, '3.00'] });
    });

    it('is not passed by a use that changes hands, or moves to a code that its customer has used', async () => {
      await limit(null, 1);
      await t.sql(insert(use(1, 1, 'ann'), use(1, 2, 'ben'), use(2, 4, 'ann')));
      await expect(update(`customer_address = ' ANN'`, 'bonus_amount = 2')).rejects.toMatchObject(BEYOND_CUSTOMER);
      await expect(update('promo_code_id = 1', 'bonus_amount = 4')).rejects.toMatchObject(BEYOND_CUSTOMER);
      await update(`customer_address = 'cem'`, 'bonus_amount = 4');
      await update('promo_code_id = 1', 'bonus_amount = 4');
      await update(`customer_address = ' Ann '`, 'bonus_amount = 1');
      await expectCounters(t, { 1: [3, '7.00'] });
    });

    it('that was lowered below the uses refuses more, and nothing else', async () => {
      await t.sql(insert(use(1, 1, 'ann'), use(1, 2, 'ann')));
      await limit(null, 1);
      await expect(t.sql(insert(use(1, 1, 'ann')))).rejects.toMatchObject(BEYOND_CUSTOMER);
      await update(`bonus_amount = bonus_amount + 1, customer_address = upper(customer_address)`);
      await t.sql(insert(use(1, 4, 'ben')));
      await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 2');
      await expectCounters(t, { 1: [2, '7.00'] });
    });
  });

  it('of two codes in one statement the one beyond its limit is named, by its id alone', async () => {
    await limit(1, null, 'id = 2');
    const refused = t.sql(insert(use(1), use(2), use(2), use(3)));
    await expect(refused).rejects.toMatchObject({
      message: 'promo code 2 has no use left',
      detail: undefined,
      hint: undefined,
    });
    await limit(null, 1, 'id = 3');
    await expect(t.sql(insert(use(1), use(3), use(3)))).rejects.toMatchObject({
      message: 'promo code 3 has no use left for this customer',
      detail: undefined,
      hint: undefined,
    });
    await expectCounters(t, {});
  });

  it.skipIf(t.version < 15)('holds for MERGE', async () => {
    await limit(2, null);
    await t.sql(insert(use(1, 1), use(1, 2)));
    const merge = (code: number) =>
      `MERGE INTO :"schema".promo_code_uses AS u USING (VALUES (1), (4)) AS s(amount) ON u.bonus_amount = s.amount
       WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT ${USE_COLUMNS} VALUES (${code}, s.amount, 'x', 'shop', 1, 1)`;
    await t.sql(merge(2));
    await expectCounters(t, { 1: [1, '2.00'], 2: [1, '4.00'] });
    await limit(1, null, 'id = 3');
    await t.sql(insert(use(3, 8)));
    await expect(t.sql(merge(3))).rejects.toMatchObject(BEYOND_TOTAL);
    await expectCounters(t, { 1: [1, '2.00'], 2: [1, '4.00'], 3: [1, '8.00'] });
  });
});

it('uses that change places between full codes pass, where statements are counted', async () => {
  await createHost(t, { granularity: 'statement', enforceLimits: true });
  await limit(1, 1);
  await t.sql(insert(use(1, 1, 'ann'), use(2, 2, 'ann')));
  await update('promo_code_id = 3 - promo_code_id');
  await expectCounters(t, { 1: [1, '2.00'], 2: [1, '1.00'] });
});
