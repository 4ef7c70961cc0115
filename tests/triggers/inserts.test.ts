import { beforeEach, describe, expect, it } from 'vitest';
import { useSchema } from '../support';
import { copyFrom } from './copy';
import { createHost, expectCounters, insert, USE_COLUMNS, use, VARIANTS, versionsOfCodes } from './host';
import { session } from './session';

const t = useSchema('inserts');

describe.each(VARIANTS)('what is inserted is counted ($tables tables, $granularity triggers)', (variant) => {
  beforeEach(() => createHost(t, variant));

  it('one use', async () => {
    await t.sql(insert(use(1)));
    await expectCounters(t, { 1: [1, '5.00'] });
  });

  it('many uses of many codes in one statement, in any order', async () => {
    await t.sql(insert(use(9, 1), use(2, 2), use(9, 4), use(1, 8), use(2, 16), use(9, 32)));
    await expectCounters(t, { 1: [1, '8.00'], 2: [2, '18.00'], 9: [3, '37.00'] });
  });

  it('INSERT … SELECT, here of 500 uses', async () => {
    await t.sql(
      `INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS}
       SELECT 1 + n % 4, n * 0.01, 'customer-' || n, 'shop', 1, 1 FROM generate_series(0, 499) AS n`,
    );
    await expectCounters(t, {
      1: [125, '310.00'],
      2: [125, '311.25'],
      3: [125, '312.50'],
      4: [125, '313.75'],
    });
  });

  it('a statement that inserts nothing writes nothing', async () => {
    const before = await versionsOfCodes(t);
    await t.sql(
      `INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} SELECT 1, 1, 'x', 'shop', 1, 1 FROM generate_series(1, 0)`,
    );
    expect(await versionsOfCodes(t)).toBe(before);
    await expectCounters(t, {});
  });

  it('COPY', async () => {
    const { client } = await session(t);
    const line = (code: number, amount: string) => [code, amount, 'someone', 'shop', 10, 15].join('\t');
    const copy = t.expand(`COPY :"schema".promo_code_uses ${USE_COLUMNS} FROM STDIN`);
    await copyFrom(client, copy, [line(3, '0.10'), line(1, '0.20'), line(3, '0.40')]);
    await expectCounters(t, { 1: [1, '0.20'], 3: [2, '0.50'] });

    const broken = copyFrom(client, copy, [line(3, '0.10'), line(77, '0.20')]);
    await expect(broken).rejects.toMatchObject({ code: '23503' });
    await expectCounters(t, { 1: [1, '0.20'], 3: [2, '0.50'] });
  });

  it('an upsert whose two arms both do something', async () => {
    await t.sql(insert(use(1, 10), use(2, 10)));
    await t.sql(
      `INSERT INTO :"schema".promo_code_uses AS old (id, promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward)
       VALUES (101, 1, 1, 'new', 'shop', 1, 1), (1, 1, 7, 'amount', 'shop', 1, 1), (2, 3, 4, 'moved', 'shop', 1, 1)
       ON CONFLICT (id) DO UPDATE SET promo_code_id = excluded.promo_code_id, bonus_amount = excluded.bonus_amount`,
    );
    await expectCounters(t, { 1: [2, '8.00'], 3: [1, '4.00'] });
  });

  it('an upsert that does nothing counts only what it inserts', async () => {
    await t.sql(insert(use(1, 10)));
    await t.sql(
      `INSERT INTO :"schema".promo_code_uses (id, promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward)
       VALUES (1, 1, 3, 'again', 'shop', 1, 1), (102, 1, 4, 'new', 'shop', 1, 1) ON CONFLICT DO NOTHING`,
    );
    await expectCounters(t, { 1: [2, '14.00'] });
  });

  it.skipIf(t.version < 15)('MERGE that inserts, updates, moves and deletes', async () => {
    await t.sql(insert(use(1, 10), use(1, 20), use(2, 40)));
    await t.sql(
      `MERGE INTO :"schema".promo_code_uses AS u
       USING (VALUES (1, 1, 11), (2, 1, 0), (3, 4, 41), (104, 2, 5)) AS s(id, code, amount) ON u.id = s.id
       WHEN MATCHED AND s.amount = 0 THEN DELETE
       WHEN MATCHED THEN UPDATE SET promo_code_id = s.code, bonus_amount = s.amount
       WHEN NOT MATCHED THEN INSERT ${USE_COLUMNS} VALUES (s.code, s.amount, 'merged', 'shop', 1, 1)`,
    );
    await expectCounters(t, { 1: [1, '11.00'], 2: [1, '5.00'], 4: [1, '41.00'] });
  });

  it.skipIf(t.version < 17)('MERGE that deletes what its source lacks, and returns', async () => {
    await t.sql(insert(use(1, 10), use(1, 20), use(2, 40)));
    await t.sql(
      `WITH merged AS (
         MERGE INTO :"schema".promo_code_uses AS u USING (VALUES (2, 21)) AS s(id, amount) ON u.id = s.id
         WHEN MATCHED THEN UPDATE SET bonus_amount = s.amount
         WHEN NOT MATCHED BY SOURCE THEN DELETE
         RETURNING merge_action() AS action)
       INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} SELECT 3, 1, action, 'shop', 1, 1 FROM merged`,
    );
    await expectCounters(t, { 1: [1, '21.00'], 3: [3, '3.00'] });
  });

  it('several data-modifying CTEs in one statement, over the same codes', async () => {
    await t.sql(insert(use(1, 10), use(1, 20), use(2, 40), use(3, 80)));
    await t.sql(
      `WITH gone AS (DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 10 RETURNING promo_code_id),
            moved AS (UPDATE :"schema".promo_code_uses SET promo_code_id = 1 WHERE bonus_amount = 40 RETURNING 1),
            raised AS (UPDATE :"schema".promo_code_uses SET bonus_amount = 81 WHERE bonus_amount = 80 RETURNING 1),
            added AS (${insert(use(1, 1), use(3, 2))} RETURNING 1)
       INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} SELECT promo_code_id, 4, 'again', 'shop', 1, 1 FROM gone`,
    );
    await expectCounters(t, { 1: [4, '65.00'], 3: [2, '83.00'] });
  });

  it('a use replaced by another of the same code, in one statement', async () => {
    await t.sql(insert(use(1, 10)));
    await t.sql(
      `WITH gone AS (DELETE FROM :"schema".promo_code_uses RETURNING promo_code_id)
       INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} SELECT promo_code_id, 3, 'again', 'shop', 1, 1 FROM gone`,
    );
    await expectCounters(t, { 1: [1, '3.00'] });
    await t.sql(`WITH added AS (${insert(use(1, 8))}) DELETE FROM :"schema".promo_code_uses`);
    await expectCounters(t, { 1: [1, '8.00'] });
  });

  it('a code and its uses created by one statement', async () => {
    await t.sql(
      `WITH code AS (
         INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, end_date)
         SELECT 'N' || n, 'shop', 1, now() + interval '1 day' FROM generate_series(1, 3) AS n RETURNING id)
       INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} SELECT id, id, 'first', 'shop', 1, 1 FROM code`,
    );
    await expectCounters(t, { 10: [1, '10.00'], 11: [1, '11.00'], 12: [1, '12.00'] });
  });

  it('a function that inserts in a loop, and a DO block that catches an error', async () => {
    await t.sql(
      `DO $$
       BEGIN
         FOR n IN 1..5 LOOP
           BEGIN
             INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} VALUES (1, n, 'loop', 'shop', 1, 1);
             IF n = 3 THEN RAISE EXCEPTION 'not this one'; END IF;
           EXCEPTION WHEN raise_exception THEN NULL;
           END;
         END LOOP;
       END $$`,
    );
    await expectCounters(t, { 1: [4, '12.00'] });
  });
});
