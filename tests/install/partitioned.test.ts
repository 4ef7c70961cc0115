import { beforeEach, describe, expect, it } from 'vitest';
import { assertNoDrift, inspectTriggers, installTriggers, renderSql, uninstallTriggers } from '../../src/index';
import { useSchema } from '../support';
import { insertUses } from '../support/host-tables';

const { schema, pool, sql } = useSchema('install-partitioned');

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
  });
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
