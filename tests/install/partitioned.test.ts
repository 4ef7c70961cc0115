import { beforeEach, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installTriggers,
  renderSql,
  repairDrift,
  uninstallTriggers,
} from '../../src/index';
import { backendPid, useSchema, waitUntilBlocked } from '../support';
import { insertUses } from '../support/host-tables';

const { schema, pool, sql, client, expand } = useSchema('install-partitioned');

const TABLES = `
  CREATE TABLE :"schema".promo_codes (
    id serial PRIMARY KEY, code text NOT NULL, shop_id text NOT NULL,
    total_usage_limit integer, per_customer_limit integer,
    times_used integer DEFAULT 0, total_bonus_issued numeric(18,2) DEFAULT 0, updated_at timestamp DEFAULT now());
  CREATE TABLE :"schema".promo_code_uses (
    id bigserial, promo_code_id integer NOT NULL REFERENCES :"schema".promo_codes (id) ON DELETE CASCADE,
    customer_address text NOT NULL, shop_id text NOT NULL, transaction_id text,
    base_reward numeric(18,2), bonus_amount numeric(18,2), total_reward numeric(18,2), used_at timestamp DEFAULT now()
  ) PARTITION BY HASH (id);
  CREATE TABLE :"schema".uses_0 PARTITION OF :"schema".promo_code_uses FOR VALUES WITH (MODULUS 2, REMAINDER 0)
    PARTITION BY HASH (id);
  CREATE TABLE :"schema".uses_0_0 PARTITION OF :"schema".uses_0 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
  CREATE TABLE :"schema".uses_1 PARTITION OF :"schema".promo_code_uses FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  INSERT INTO :"schema".promo_codes (code, shop_id) SELECT 'C' || n, 'shop' FROM generate_series(1, 5) AS n;
`;

/** A script sees no database: it is told which columns are not there. */
const ABSENT = {
  name: null,
  description: null,
  bonusType: null,
  bonusValue: null,
  maxBonus: null,
  startDate: null,
  endDate: null,
  isActive: null,
  createdAt: null,
};

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await sql(TABLES);
});

const manyUses = insertUses(...Array.from({ length: 60 }, (_, index) => 1 + (index % 5)));

describe.each(['auto', 'row'] as const)('a partitioned promo_code_uses with granularity %s', (granularity) => {
  it('is counted through the parent and through a leaf, also after TRUNCATE of a leaf', async () => {
    const report = await installTriggers(pool, { schema, granularity });
    expect(report.granularity).toBe(granularity === 'auto' ? 'statement' : 'row');
    expect(await installTriggers(pool, { schema, granularity })).toMatchObject({ changed: false });
    await sql(manyUses);
    await assertNoDrift(pool, { schema });
    await sql('DELETE FROM :"schema".uses_1 WHERE promo_code_id = 2');
    await sql('UPDATE :"schema".uses_0 SET bonus_amount = 7 WHERE promo_code_id = 1');
    await sql('UPDATE :"schema".uses_0_0 SET bonus_amount = 8 WHERE promo_code_id = 3');
    await assertNoDrift(pool, { schema });
    await sql('TRUNCATE :"schema".uses_0_0');
    await assertNoDrift(pool, { schema });
    await sql('TRUNCATE :"schema".promo_code_uses');
    await assertNoDrift(pool, { schema });
  });

  it('changes over from the other granularity, and back', async () => {
    const other = granularity === 'auto' ? 'row' : 'auto';
    await installTriggers(pool, { schema, granularity: other, enforceLimits: true });
    const report = await installTriggers(pool, { schema, granularity, enforceLimits: false });
    expect(report.changed).toBe(true);
    expect(await inspectTriggers(pool, { schema, granularity })).toMatchObject({ ok: true, enforceLimits: false });
    await sql(manyUses);
    await assertNoDrift(pool, { schema });
  });

  it('can be installed by the rendered SQL, and uninstalled', async () => {
    // Of the other granularity first, so that nothing of it may stay.
    for (const rendered of [granularity === 'auto' ? 'row' : 'auto', granularity] as const) {
      await pool.query(
        renderSql('triggers', { schema, granularity: rendered, tables: { codes: { columns: ABSENT } } }),
      );
      await sql(`${manyUses}; DELETE FROM :"schema".uses_1 WHERE promo_code_id < 3`);
      await assertNoDrift(pool, { schema });
    }
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
    await uninstallTriggers(pool, { schema });
    const { objects } = await inspectTriggers(pool, { schema });
    expect(new Set(objects.map(({ state }) => state))).toEqual(new Set(['missing']));
    const { rows: left } = await sql(
      `SELECT c.relname, t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'schema') AND NOT t.tgisinternal`,
    );
    expect(left).toEqual([]);
  });

  it('is swapped in one moment: who writes while it waits or comes behind it is counted once', async () => {
    const other = granularity === 'auto' ? 'row' : 'auto';
    await installTriggers(pool, { schema, granularity: other });
    const [writer, installer, late, leaf] = [await client(), await client(), await client(), await client()];
    // Counted by the triggers of before, and not committed yet.
    await writer.query('BEGIN');
    await writer.query(expand(insertUses(1, 1, 2)));
    const installing = installTriggers(installer, { schema, granularity, lockTimeoutMs: 60_000 });
    await waitUntilBlocked(pool, backendPid(installer));
    // Waits for the installation, and is counted by the triggers of after.
    const behind = [
      late.query(expand(insertUses(1, 3))),
      leaf.query(expand('UPDATE :"schema".uses_1 SET promo_code_id = 4 WHERE promo_code_id = 5')),
    ];
    await writer.query(expand(insertUses(1, 5, 5)));
    await writer.query('COMMIT');
    expect(await installing).toMatchObject({ changed: true, repaired: [] });
    await Promise.all(behind);
    await assertNoDrift(pool, { schema });
    const { rows: counted } = await sql(
      'SELECT sum(times_used)::int AS uses FROM :"schema".promo_codes WHERE id IN (1, 2, 3)',
    );
    expect(counted).toEqual([{ uses: 6 }]);
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true });
  });
});

it('a partition that is dropped is found by checkDrift, and what its uses have counted goes with repairDrift', async () => {
  await installTriggers(pool, { schema });
  await sql(manyUses);
  const counted = async () => {
    const { rows } = await sql('SELECT sum(times_used)::int AS uses FROM :"schema".promo_codes');
    return rows[0]?.uses;
  };
  expect(await counted()).toBe(60);
  await sql('DROP TABLE :"schema".uses_1');
  expect(await checkDrift(pool, { schema })).not.toEqual([]);
  await repairDrift(pool, { schema });
  const { rows: left } = await sql('SELECT FROM :"schema".promo_code_uses');
  expect(await counted()).toBe(left.length);
  expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true });
});

it('foreign tables among the partitions are counted by row, which statement triggers cannot do', async () => {
  await sql(`
    CREATE FOREIGN DATA WRAPPER nowhere;
    CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
    DROP TABLE :"schema".uses_1;
    ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey;
    CREATE FOREIGN TABLE :"schema".uses_1 PARTITION OF :"schema".promo_code_uses FOR VALUES WITH (MODULUS 2, REMAINDER 1) SERVER nowhere`);
  try {
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ granularity: 'row' });
    expect(await inspectTriggers(pool, { schema, granularity: 'statement' })).toMatchObject({
      granularity: 'statement',
    });
  } finally {
    await sql('DROP FOREIGN DATA WRAPPER nowhere CASCADE');
  }
});

it('tells a clone that is disabled on one partition, and a partition that lacks its truncate trigger', async () => {
  await installTriggers(pool, { schema });
  await sql('ALTER TABLE :"schema".uses_1 DISABLE TRIGGER promo_code_uses_insert_trigger');
  await sql('DROP TRIGGER count_promo_code_uses_on_truncate ON :"schema".uses_0_0');
  const faults = async () => {
    const { objects } = await inspectTriggers(pool, { schema });
    return objects.filter(({ state }) => state !== 'ok').map(({ name, table, state }) => ({ name, table, state }));
  };
  expect(await faults()).toEqual([
    { name: 'count_promo_code_uses_on_truncate', table: `${schema}.uses_0_0`, state: 'missing' },
    { name: 'promo_code_uses_insert_trigger', table: `${schema}.uses_1`, state: 'disabled' },
  ]);
  await sql(manyUses);
  expect(await installTriggers(pool, { schema })).toMatchObject({ changed: true });
  expect(await faults()).toEqual([]);
  await assertNoDrift(pool, { schema });
});
