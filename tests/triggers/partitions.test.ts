import { beforeEach, describe, expect, it } from 'vitest';
import { checkDrift, inspectTriggers, installTriggers } from '../../src/index';
import { useSchema } from '../support';
import { counters, createHost, expectCounters, expectNoDrift, insert, USE_COLUMNS, use } from './host';

const t = useSchema('partitions');
const options = { schema: t.schema };

/** By base_reward, so that a use can change its partition; 'leaf 3' is two levels down, and there is a default one. */
const PARTITIONED = `
  ALTER TABLE :"schema".promo_code_uses RENAME TO plain;
  CREATE TABLE :"schema".promo_code_uses (
    id serial, promo_code_id integer REFERENCES :"schema".promo_codes (id) ON DELETE CASCADE,
    customer_address varchar(42), shop_id varchar(100), base_reward numeric(18,2), bonus_amount numeric(18,2),
    total_reward numeric(18,2), PRIMARY KEY (id, base_reward)
  ) PARTITION BY RANGE (base_reward);
  DROP TABLE :"schema".plain;
  CREATE TABLE :"schema"."leaf 1" PARTITION OF :"schema".promo_code_uses FOR VALUES FROM (0) TO (10);
  CREATE TABLE :"schema".leaf2 PARTITION OF :"schema".promo_code_uses FOR VALUES FROM (10) TO (20);
  CREATE TABLE :"schema".branch PARTITION OF :"schema".promo_code_uses FOR VALUES FROM (20) TO (30)
    PARTITION BY LIST (base_reward);
  CREATE TABLE :"schema"."leaf 3" PARTITION OF :"schema".branch DEFAULT`;

const insertInto = (table: string, code: number, bonus: number, reward: number) =>
  t.sql(`INSERT INTO :"schema".${table} ${USE_COLUMNS} VALUES (${code}, ${bonus}, 'someone', 'shop', ${reward}, 1)`);

describe.each(['auto', 'row'] as const)('a partitioned promo_code_uses (granularity %s)', (granularity) => {
  const install = () => installTriggers(t.pool, { schema: t.schema, granularity });

  beforeEach(() => createHost(t, { granularity, alter: PARTITIONED }));

  it('gets triggers that see every partition', async () => {
    expect(await inspectTriggers(t.pool, options)).toMatchObject({
      ok: true,
      granularity: granularity === 'auto' ? 'statement' : 'row',
    });
    expect(await install()).toMatchObject({ changed: false });
  });

  it('counts what is written to the parent, to a branch and straight to a leaf', async () => {
    await t.sql(insert(use(1, 1), use(2, 2)));
    await insertInto('"leaf 1"', 1, 4, 5);
    await insertInto('leaf2', 2, 8, 15);
    await insertInto('"leaf 3"', 1, 16, 25);
    await insertInto('promo_code_uses', 3, 32, 25);
    await insertInto('promo_code_uses', 3, 64, 5);
    await expectCounters(t, { 1: [3, '21.00'], 2: [2, '10.00'], 3: [2, '96.00'] });

    await t.sql('UPDATE :"schema".leaf2 SET bonus_amount = 9 WHERE bonus_amount = 8');
    await t.sql('UPDATE :"schema"."leaf 3" SET promo_code_id = 2 WHERE bonus_amount = 16');
    await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 5 WHERE bonus_amount = 4');
    await expectCounters(t, { 1: [2, '6.00'], 2: [3, '27.00'], 3: [2, '96.00'] });

    await t.sql('DELETE FROM :"schema"."leaf 1" WHERE promo_code_id = 3');
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 2');
    await expectCounters(t, { 1: [2, '6.00'], 3: [1, '32.00'] });
  });

  it('counts what is written to a branch', async () => {
    await insertInto('branch', 1, 1, 25);
    await t.sql('UPDATE :"schema".branch SET bonus_amount = 2');
    await expectCounters(t, { 1: [1, '2.00'] });
    await t.sql('DELETE FROM :"schema".branch');
    await expectCounters(t, {});
  });

  it('counts a use that changes its partition, alone and with its code and amount', async () => {
    await insertInto('promo_code_uses', 1, 1, 5);
    await insertInto('promo_code_uses', 1, 2, 5);
    await t.sql('UPDATE :"schema".promo_code_uses SET base_reward = base_reward + 10');
    await expectCounters(t, { 1: [2, '3.00'] });
    await t.sql(
      'UPDATE :"schema".promo_code_uses SET base_reward = 25, promo_code_id = 2, bonus_amount = 8 WHERE bonus_amount = 2',
    );
    await expectCounters(t, { 1: [1, '1.00'], 2: [1, '8.00'] });
    expect((await t.sql('SELECT FROM :"schema"."leaf 3"')).rowCount).toBe(1);
  });

  it.skipIf(t.version < 15)('counts MERGE into the parent', async () => {
    await insertInto('promo_code_uses', 1, 1, 5);
    await insertInto('promo_code_uses', 1, 2, 15);
    await t.sql(
      `MERGE INTO :"schema".promo_code_uses AS u USING (VALUES (1, 0), (2, 9), (3, 4)) AS s(was, amount) ON u.bonus_amount = s.was
       WHEN MATCHED AND s.amount = 0 THEN DELETE
       WHEN MATCHED THEN UPDATE SET bonus_amount = s.amount, base_reward = 25
       WHEN NOT MATCHED THEN INSERT ${USE_COLUMNS} VALUES (2, s.amount, 'someone', 'shop', 5, 1)`,
    );
    await expectCounters(t, { 1: [1, '9.00'], 2: [1, '4.00'] });
  });

  it.skipIf(t.version < 15)('counts MERGE whose only action moves uses, as far as PostgreSQL shows it', async () => {
    await insertInto('promo_code_uses', 1, 1, 5);
    await t.sql(
      `MERGE INTO :"schema".promo_code_uses AS u USING (VALUES (1)) AS s(code) ON u.promo_code_id = s.code
         WHEN MATCHED THEN UPDATE SET bonus_amount = 9, base_reward = 15`,
    );
    // The transition tables of UPDATE are empty, and no trigger of another event fires.
    expect(await counters(t)).toEqual({ 1: [1, granularity === 'row' ? '9.00' : '1.00'] });
    expect(await checkDrift(t.pool, options)).toHaveLength(granularity === 'row' ? 0 : 1);
  });

  it('counts an upsert of the parent, and a cascade', async () => {
    await insertInto('promo_code_uses', 1, 1, 5);
    await insertInto('promo_code_uses', 2, 2, 15);
    await t.sql(
      `INSERT INTO :"schema".promo_code_uses (id, promo_code_id, bonus_amount, base_reward) VALUES (1, 3, 7, 5), (9, 3, 8, 15)
       ON CONFLICT (id, base_reward) DO UPDATE SET bonus_amount = excluded.bonus_amount`,
    );
    await expectCounters(t, { 1: [1, '7.00'], 2: [1, '2.00'], 3: [1, '8.00'] });
    await t.sql('DELETE FROM :"schema".promo_codes WHERE id IN (1, 3)');
    await expectCounters(t, { 2: [1, '2.00'] });
  });

  it('TRUNCATE of a leaf, of a branch and of the parent', async () => {
    const fill = async () => {
      for (const reward of [5, 15, 25]) await insertInto('promo_code_uses', 1, reward, reward);
    };
    await fill();
    await t.sql('TRUNCATE :"schema"."leaf 1"');
    await expectCounters(t, { 1: [2, '40.00'] });
    await t.sql('TRUNCATE :"schema".branch');
    await expectCounters(t, { 1: [1, '15.00'] });
    await fill();
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    await expectCounters(t, {});
  });

  it('a partition that is attached later: what is missing is told, and installing completes it', async () => {
    await t.sql(
      `CREATE TABLE :"schema"."late leaf" (LIKE :"schema".promo_code_uses INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
       INSERT INTO :"schema"."late leaf" ${USE_COLUMNS} VALUES (1, 1, 'before', 'shop', 35, 1);
       ALTER TABLE :"schema".promo_code_uses ATTACH PARTITION :"schema"."late leaf" FOR VALUES FROM (30) TO (40)`,
    );
    await insertInto('promo_code_uses', 1, 2, 35);
    await insertInto('"late leaf"', 2, 4, 35);
    expect(await counters(t)).toEqual({ 1: [1, '2.00'], 2: [1, '4.00'] });
    expect((await checkDrift(t.pool, options))[0]).toMatchObject({ promoCodeId: '1', timesUsed: 1, actualUses: 2 });
    const { ok, objects } = await inspectTriggers(t.pool, options);
    expect(ok).toBe(false);
    const missing = objects.filter(({ state }) => state === 'missing');
    expect(missing.map(({ name }) => name)).toContain('count_promo_code_uses_on_truncate');
    expect(new Set(missing.map(({ table }) => table))).toEqual(new Set([`${t.schema}.late leaf`]));

    expect((await install()).repaired.map(({ promoCodeId }) => promoCodeId)).toContain('1');
    await expectCounters(t, { 1: [2, '3.00'], 2: [1, '4.00'] });
    await t.sql('TRUNCATE :"schema"."late leaf"');
    await expectCounters(t, {});
  });

  it('a partition that is detached takes its uses along: the drift is found, and writes to it are no longer counted', async () => {
    await insertInto('promo_code_uses', 1, 1, 5);
    await insertInto('promo_code_uses', 1, 2, 15);
    await t.sql('ALTER TABLE :"schema".promo_code_uses DETACH PARTITION :"schema".leaf2');
    expect(await checkDrift(t.pool, options)).toMatchObject([{ promoCodeId: '1', timesUsed: 2, actualUses: 1 }]);
    await t.sql('DELETE FROM :"schema"."leaf 1"');
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    await expectNoDrift(t);
    await insertInto('leaf2', 3, 4, 15);
    await expectCounters(t, {});
    await t.sql('UPDATE :"schema".leaf2 SET bonus_amount = 6');
    await expectCounters(t, {});
    await insertInto('promo_code_uses', 3, 8, 5);
    await t.sql('DELETE FROM :"schema".leaf2 WHERE promo_code_id = 3');
    await expectCounters(t, { 3: [1, '8.00'] });
    await t.sql('TRUNCATE :"schema".leaf2');
    await expectCounters(t, { 3: [1, '8.00'] });
  });
});
