import { beforeEach, describe, expect, it } from 'vitest';
import { inspectTriggers, installTriggers } from '../../src/index';
import { cases, useSchema } from '../support';
import { copyFrom } from './copy';
import { counters, createHost, expectCounters, expectNoDrift, USE_COLUMNS, use } from './host';

const t = useSchema('later-partitions');

/** By base_reward, which `use` sets to 10: a leaf, and a branch with a leaf. */
const PARTITIONED = `
  DROP TABLE :"schema".promo_code_uses;
  CREATE TABLE :"schema".promo_code_uses (
    id serial, promo_code_id integer REFERENCES :"schema".promo_codes (id) ON DELETE CASCADE,
    customer_address varchar(42), shop_id varchar(100), transaction_id varchar(100), base_reward numeric(18,2),
    bonus_amount numeric(18,2), total_reward numeric(18,2), used_at timestamptz DEFAULT now(), PRIMARY KEY (id, base_reward)
  ) PARTITION BY RANGE (base_reward);
  CREATE TABLE :"schema".early PARTITION OF :"schema".promo_code_uses FOR VALUES FROM (0) TO (20);
  CREATE TABLE :"schema".branch PARTITION OF :"schema".promo_code_uses FOR VALUES FROM (40) TO (60) PARTITION BY RANGE (base_reward);
  CREATE TABLE :"schema".twig PARTITION OF :"schema".branch FOR VALUES FROM (40) TO (50)`;

const LATE = `
  CREATE TABLE :"schema".late PARTITION OF :"schema".promo_code_uses FOR VALUES FROM (20) TO (40);
  CREATE TABLE :"schema"."late twig" PARTITION OF :"schema".branch DEFAULT;
  CREATE TABLE :"schema"."late branch" PARTITION OF :"schema".promo_code_uses FOR VALUES FROM (60) TO (80) PARTITION BY LIST (base_reward);
  CREATE TABLE :"schema"."twig of late branch" PARTITION OF :"schema"."late branch" DEFAULT`;

const rows = (...uses: [code: number, bonus: number, reward: number][]) =>
  uses.map(([code, bonus, reward]) => use(code, bonus).replace(', 10, ', `, ${reward}, `)).join(', ');
const into = (table: string, ...uses: [code: number, bonus: number, reward: number][]) =>
  `INSERT INTO :"schema".${table} ${USE_COLUMNS} VALUES ${rows(...uses)}`;

const options = { schema: t.schema };

describe('partitions that came after the triggers', () => {
  beforeEach(async () => {
    await createHost(t, { alter: PARTITIONED });
    await t.sql(LATE);
  });

  it('are counted from their first row, whichever table a statement names', async () => {
    await t.sql(into('promo_code_uses', [1, 1, 5], [1, 2, 25], [2, 4, 55], [2, 8, 65], [2, 16, 45]));
    await expectCounters(t, { 1: [2, '3.00'], 2: [3, '28.00'] });
    await t.sql(into('late', [1, 32, 25], [3, 64, 26]));
    await t.sql(into('branch', [3, 1, 45], [3, 2, 55]));
    await t.sql(into('"late twig"', [1, 128, 55]));
    await t.sql(into('"late branch"', [1, 256, 65]));
    await t.sql(into('"twig of late branch"', [1, 512, 66]));
    await expectCounters(t, { 1: [6, '931.00'], 2: [3, '28.00'], 3: [3, '67.00'] });

    await t.sql('UPDATE :"schema".late SET bonus_amount = 100 WHERE bonus_amount = 64');
    await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = bonus_amount + 1 WHERE promo_code_id = 3');
    await t.sql('UPDATE :"schema".branch SET promo_code_id = 4 WHERE promo_code_id = 2');
    await expectCounters(t, { 1: [6, '931.00'], 2: [1, '8.00'], 3: [3, '106.00'], 4: [2, '20.00'] });

    await t.sql('DELETE FROM :"schema".late WHERE promo_code_id = 3');
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 4');
    await t.sql('DELETE FROM :"schema".promo_codes WHERE id = 1');
    await expectCounters(t, { 2: [1, '8.00'], 3: [2, '5.00'] });
  });

  it('are counted by a statement that writes old and new ones, some of them by two names', async () => {
    await t.sql(
      `WITH a AS (${into('promo_code_uses', [1, 1, 5], [1, 2, 25])}), b AS (${into('late', [1, 4, 26])}),
            c AS (${into('early', [2, 8, 6])})
       ${into('"late branch"', [2, 16, 65])}`,
    );
    await expectCounters(t, { 1: [3, '7.00'], 2: [2, '24.00'] });
    await t.sql(
      `WITH a AS (UPDATE :"schema".promo_code_uses SET bonus_amount = 32 WHERE bonus_amount IN (1, 2)),
            b AS (DELETE FROM :"schema".late WHERE bonus_amount = 4)
       ${into('promo_code_uses', [3, 64, 25], [3, 128, 5])}`,
    );
    await expectCounters(t, { 1: [2, '64.00'], 2: [2, '24.00'], 3: [2, '192.00'] });
  });

  it('are counted when a use moves between old and new ones, with and without its code', async () => {
    await t.sql(into('promo_code_uses', [1, 1, 5], [1, 2, 25], [1, 4, 45]));
    await t.sql('UPDATE :"schema".promo_code_uses SET base_reward = 70 - base_reward WHERE bonus_amount <> 4');
    await t.sql('UPDATE :"schema".promo_code_uses SET base_reward = 26, promo_code_id = 2 WHERE bonus_amount = 4');
    await expectCounters(t, { 1: [2, '3.00'], 2: [1, '4.00'] });
    await t.sql('UPDATE :"schema".promo_code_uses SET base_reward = 5, bonus_amount = 8');
    await expectCounters(t, { 1: [2, '16.00'], 2: [1, '8.00'] });
  });

  it('are counted by COPY, an upsert and a function that writes them while the whole is written', async () => {
    const client = await t.client();
    const columns = USE_COLUMNS.slice(1, -1);
    const lines = (...rewards: number[]) => rewards.map((reward) => ['1', '2', 'ann', 'shop', reward, '1'].join('\t'));
    await copyFrom(client, t.expand(`COPY :"schema".promo_code_uses (${columns}) FROM STDIN`), lines(5, 25, 26, 65));
    await copyFrom(client, t.expand(`COPY :"schema".late (${columns}) FROM STDIN`), lines(25, 26));
    await expectCounters(t, { 1: [6, '12.00'] });
    await t.sql('UPDATE :"schema".promo_code_uses SET id = 1000 WHERE base_reward = 65');
    await t.sql(
      `INSERT INTO :"schema".promo_code_uses (id, promo_code_id, bonus_amount, base_reward) VALUES (1000, 9, 1, 65), (1001, 2, 3, 65)
       ON CONFLICT (id, base_reward) DO UPDATE SET bonus_amount = excluded.bonus_amount`,
    );
    await expectCounters(t, { 1: [6, '11.00'], 2: [1, '3.00'] });
    await t.sql(`
      CREATE FUNCTION :"schema".gift() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.bonus_amount = 7 THEN
          ${into('late', [3, 1, 25])};
          ${into('early', [3, 1, 5])};
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER gift BEFORE INSERT ON :"schema".promo_code_uses FOR EACH ROW EXECUTE FUNCTION :"schema".gift()`);
    await t.sql(into('promo_code_uses', [4, 7, 27], [4, 7, 7]));
    await expectCounters(t, { 1: [6, '11.00'], 2: [1, '3.00'], 3: [4, '4.00'], 4: [2, '14.00'] });
  });

  it.skipIf(t.version < 15)('are counted by MERGE', async () => {
    await t.sql(into('promo_code_uses', [1, 1, 5], [1, 2, 25]));
    await t.sql(
      `MERGE INTO :"schema".promo_code_uses AS u USING (VALUES (1, 0), (2, 9), (3, 4)) AS s(was, amount) ON u.bonus_amount = s.was
       WHEN MATCHED AND s.amount = 0 THEN DELETE
       WHEN MATCHED THEN UPDATE SET bonus_amount = s.amount, base_reward = 45
       WHEN NOT MATCHED THEN INSERT ${USE_COLUMNS} VALUES (2, s.amount, 'someone', 'shop', 55, 1)`,
    );
    await expectCounters(t, { 1: [1, '9.00'], 2: [1, '4.00'] });
  });

  it('get what is missing by the next installation, also in the middle of a transaction that has written them', async () => {
    const client = await t.client();
    await client.query('BEGIN');
    await client.query(t.expand(into('promo_code_uses', [1, 1, 25], [1, 2, 5])));
    await installTriggers(client, options);
    await client.query(t.expand(into('promo_code_uses', [1, 4, 25], [1, 8, 55])));
    await client.query(t.expand(into('late', [1, 16, 25])));
    await client.query('COMMIT');
    await expectCounters(t, { 1: [5, '31.00'] });
    expect(await inspectTriggers(t.pool, options)).toMatchObject({ ok: true });
    const { rows: firing } = await t.sql(
      `SELECT DISTINCT c.relname FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid
        WHERE g.tgname LIKE '%by_row' AND g.tgenabled <> 'D' AND c.relkind = 'r'`,
    );
    expect(firing).toEqual([]);
  });

  it('count what a rolled back savepoint leaves', async () => {
    const client = await t.client();
    await client.query('BEGIN; SAVEPOINT s');
    await client.query(t.expand(into('promo_code_uses', [1, 1, 25], [1, 2, 5])));
    await client.query('ROLLBACK TO s');
    await client.query(t.expand(into('promo_code_uses', [2, 1, 25], [2, 2, 5])));
    await client.query('COMMIT');
    await expectCounters(t, { 2: [2, '3.00'] });
  });

  it('are shown, with the statements that complete them', async () => {
    const { objects } = await inspectTriggers(t.pool, options);
    const faults = objects.filter(({ state }) => state !== 'ok');
    expect(new Set(faults.map(({ table }) => table?.slice(t.schema.length + 1)))).toEqual(
      new Set(['late', 'late twig', 'late branch', 'twig of late branch']),
    );
    expect(faults.filter(({ table }) => table === `${t.schema}.late`)).toHaveLength(4 + 3);
    // A branch hands its row triggers on to those that come after it.
    expect(faults.filter(({ table }) => table === `${t.schema}.late branch`)).toHaveLength(4);
    for (const { fix } of faults) await t.pool.query(fix!);
    expect(await inspectTriggers(t.pool, options)).toMatchObject({ ok: true });
    await t.sql(into('"twig of late branch"', [1, 1, 65]));
    await t.sql(into('promo_code_uses', [1, 1, 65]));
    await expectCounters(t, { 1: [2, '2.00'] });
  });

  it('count by row where somebody has enabled what was disabled, until the next installation', async () => {
    await installTriggers(t.pool, options);
    await t.sql(
      'ALTER TABLE :"schema".promo_code_uses ENABLE TRIGGER ALL; ALTER TABLE :"schema".early ENABLE TRIGGER ALL',
    );
    await t.sql(into('promo_code_uses', [1, 1, 25], [1, 2, 5]));
    await t.sql(into('early', [1, 4, 5]));
    await expectCounters(t, { 1: [3, '7.00'] });
    expect(await installTriggers(t.pool, options)).toMatchObject({ changed: true });
    await t.sql(into('early', [1, 8, 5]));
    await expectCounters(t, { 1: [4, '15.00'] });
  });

  it('a trigger that makes new partitions count, and is disabled, is told and enabled', async () => {
    await installTriggers(t.pool, options);
    await t.sql('ALTER TABLE ONLY :"schema".promo_code_uses DISABLE TRIGGER promo_code_uses_insert_trigger_by_row');
    const disabled = async () =>
      (await inspectTriggers(t.pool, options)).objects.filter(({ state }) => state !== 'ok').map(({ name }) => name);
    expect(await disabled()).toEqual(['promo_code_uses_insert_trigger_by_row']);
    await installTriggers(t.pool, options);
    expect(await disabled()).toEqual([]);
    await t.sql('CREATE TABLE :"schema".later PARTITION OF :"schema".promo_code_uses FOR VALUES FROM (100) TO (120)');
    await t.sql(into('later', [1, 1, 105]));
    await expectCounters(t, { 1: [1, '1.00'] });
  });

  it('a leaf that is detached, attached and detached again counts while it is attached', async () => {
    await installTriggers(t.pool, options);
    await t.sql('ALTER TABLE :"schema".promo_code_uses DETACH PARTITION :"schema".early');
    await t.sql('ALTER TABLE :"schema".branch DETACH PARTITION :"schema".twig');
    await t.sql(into('early', [1, 1, 5]));
    await t.sql(into('twig', [1, 1, 45]));
    await t.sql('DELETE FROM :"schema".twig');
    await t.sql('TRUNCATE :"schema".early');
    expect(await counters(t)).toEqual({});
    await t.sql('ALTER TABLE :"schema".promo_code_uses ATTACH PARTITION :"schema".early FOR VALUES FROM (0) TO (20)');
    await t.sql(into('early', [1, 1, 5]));
    await t.sql(into('promo_code_uses', [1, 2, 5], [1, 4, 25]));
    await expectCounters(t, { 1: [3, '7.00'] });
    await installTriggers(t.pool, options);
    await t.sql(into('early', [1, 8, 5]));
    await t.sql('TRUNCATE :"schema".early');
    await expectCounters(t, { 1: [1, '4.00'] });
  });

  it('a branch that is detached with its leaves counts no more, nor what is partitioned under another root', async () => {
    await installTriggers(t.pool, options);
    await t.sql('ALTER TABLE :"schema".promo_code_uses DETACH PARTITION :"schema".branch');
    await t.sql(into('branch', [1, 1, 45]));
    await t.sql(into('twig', [1, 1, 45]));
    await expectCounters(t, {});
  });
});

describe('what else fires on the uses', () => {
  const limits = (code: number, total: number | null, customer: number | null) =>
    t.sql('UPDATE :"schema".promo_codes SET total_usage_limit = $1, per_customer_limit = $2 WHERE id = $3', [
      total,
      customer,
      code,
    ]);

  beforeEach(async () => {
    await createHost(t, { alter: PARTITIONED, enforceLimits: true, history: true });
    await t.sql(LATE);
  });

  const NAMED = ['early', 'twig', 'branch', 'late', '"late twig"', '"late branch"', 'promo_code_uses'];
  it.each(cases('tables that a statement names', NAMED, (name) => ['late', 'twig'].includes(name)))(
    'limits are enforced on a statement that names %s',
    async (table) => {
      const reward = { early: 5, late: 25, '"late twig"': 55, '"late branch"': 65, promo_code_uses: 25 }[table] ?? 45;
      await limits(1, 2, null);
      await limits(2, null, 1);
      await t.sql(into(table, [1, 1, reward], [1, 1, reward]));
      await expect(t.sql(into(table, [1, 1, reward]))).rejects.toMatchObject({ code: 'PC002' });
      await t.sql(into(table, [2, 1, reward]));
      await expect(t.sql(into(table, [2, 1, reward]))).rejects.toMatchObject({ code: 'PC003' });
      await expect(t.sql(into('promo_code_uses', [2, 1, 5]))).rejects.toMatchObject({ code: 'PC003' });
      await expect(
        t.sql(`UPDATE :"schema".${table} SET promo_code_id = 2 WHERE promo_code_id = 1`),
      ).rejects.toMatchObject({ code: 'PC003' });
      await expectNoDrift(t);
    },
  );

  it('a use that moves to a new partition is no new use for the limits', async () => {
    await limits(1, 1, 1);
    await t.sql(into('promo_code_uses', [1, 1, 5]));
    await t.sql('UPDATE :"schema".promo_code_uses SET base_reward = 25');
    await t.sql('UPDATE :"schema".promo_code_uses SET base_reward = 65');
    await t.sql('UPDATE :"schema".promo_code_uses SET base_reward = 5');
    await expectCounters(t, { 1: [1, '1.00'] });
  });

  it('the history records each use once, wherever it is written', async () => {
    await t.sql(
      `WITH a AS (${into('late', [1, 1, 25])}) ${into('promo_code_uses', [1, 2, 26], [1, 3, 5], [1, 4, 55])}`,
    );
    await t.sql(into('early', [1, 5, 5]));
    await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = bonus_amount + 10');
    await t.sql('DELETE FROM :"schema".promo_code_uses');
    const { rows: kinds } = await t.sql(
      `SELECT kind, count(*)::int AS records, count(DISTINCT use_id)::int AS uses FROM :"library".promo_code_history GROUP BY kind ORDER BY kind`,
    );
    expect(kinds).toEqual([
      { kind: 'amended', records: 5, uses: 5 },
      { kind: 'redeemed', records: 5, uses: 5 },
      { kind: 'rolled_back', records: 5, uses: 5 },
    ]);
    await t.sql(into('early', [1, 6, 5]));
    await t.sql('ALTER TABLE :"schema".promo_code_uses DETACH PARTITION :"schema".early');
    await t.sql(into('early', [1, 7, 5]));
    await t.sql('TRUNCATE :"schema".early');
    const { rows: after } = await t.sql(`SELECT FROM :"library".promo_code_history`);
    expect(after).toHaveLength(16);
  });
});
