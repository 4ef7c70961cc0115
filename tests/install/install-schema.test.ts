import { beforeEach, expect, it } from 'vitest';
import {
  assertNoDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  PromoCodeRepository,
  renderSql,
} from '../../src/index';
import { useSchema } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';
import { isIncluded } from '../support/scope';

const { schema, pool, sql, client } = useSchema('install-schema');

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
});

const CODE = `INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, end_date)
              VALUES ('C1', 'shop', 5, now() + interval '1 day')`;

it('creates the tables and counts in them; a second call changes nothing, in two statements', async () => {
  const report = await installSchema(pool, { schema });
  expect(report.created.slice(0, 2)).toEqual(['promo_codes', 'promo_code_uses']);
  await sql(CODE);
  await sql(insertUses(1, 1));
  await assertNoDrift(pool, { schema });
  const statements: string[] = [];
  const counting = {
    query: (text: string, values?: unknown[]) => {
      statements.push(text);
      return pool.query(text, values);
    },
  };
  expect(await installSchema(counting, { schema })).toMatchObject({ changed: false, created: [] });
  expect(statements).toHaveLength(2);
});

it('creates the schema itself where there is none', async () => {
  await sql('DROP SCHEMA :"schema"');
  expect((await installSchema(pool, { schema })).created[0]).toBe(schema);
});

it.runIf(isIncluded('twenty calls of installSchema at once'))(
  '20 at once all succeed',
  async () => {
    const reports = await Promise.all(Array.from({ length: 20 }, () => installSchema(pool, { schema })));
    expect(reports.filter(({ created }) => created.includes('promo_codes'))).toHaveLength(1);
    await assertNoDrift(pool, { schema });
  },
  120_000,
);

it("leaves a host's table as it is, but for columns that it lacks", async () => {
  await sql(SEED_TABLES);
  await sql('DROP TABLE :"schema".promo_code_uses; ALTER TABLE :"schema".promo_codes DROP max_bonus, DROP is_active');
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value) VALUES ('  odd ', 'shop', -1)`);
  const report = await installSchema(pool, { schema });
  const extra = ['max_total_bonus', 'budget_overrun', 'min_base_reward', 'customer_address', 'metadata'];
  expect(report.created.slice(0, 8)).toEqual([
    ...['max_bonus', ...extra, 'is_active'].map((column) => `promo_codes.${column}`),
    'promo_code_uses',
  ]);
  await sql(insertUses(1));
  await assertNoDrift(pool, { schema });
  const { rows } = await sql('SELECT code, bonus_value, is_active FROM :"schema".promo_codes');
  expect(rows).toEqual([{ code: '  odd ', bonus_value: '-1.00', is_active: true }]);
});

it.each(['uuid', 'varchar(20)', 'smallint'])('adds uses to codes that have ids of type %s', async (type) => {
  await sql(SEED_TABLES);
  await sql(
    `DROP TABLE :"schema".promo_code_uses; ALTER TABLE :"schema".promo_codes DROP id, ADD id ${type} PRIMARY KEY`,
  );
  expect((await installSchema(pool, { schema })).created).toContain('promo_code_uses');
  const id =
    type === 'smallint' ? 7 : '6f1c1f0e-0000-4000-8000-000000000001'.slice(0, type === 'uuid' ? undefined : 20);
  await sql(`INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES ('${id}', 'C1', 'shop')`);
  await sql(
    `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id) VALUES ('${id}', 'a', 'shop')`,
  );
  await assertNoDrift(pool, { schema });
  await expect(sql('UPDATE :"schema".promo_code_uses SET promo_code_id = NULL')).rejects.toThrow('null value');
});

it.each([
  [
    'a counter that is a text',
    'CREATE TABLE :"schema".promo_codes (id int PRIMARY KEY, times_used text)',
    'promo_codes.times_used',
  ],
  ['codes without an id', 'CREATE TABLE :"schema".promo_codes (code text)', 'promo_codes.id'],
  ['codes whose id is not unique', 'CREATE TABLE :"schema".promo_codes (id int)', 'promo_codes.id'],
  ['a view', 'CREATE VIEW :"schema".promo_codes AS SELECT 1 AS id', 'promo_codes'],
  [
    'uses of codes of another type',
    'CREATE TABLE :"schema".promo_code_uses (promo_code_id uuid)',
    'promo_code_uses.promo_code_id',
  ],
])('creates nothing beside %s', async (_, create, path) => {
  await sql(create);
  await expect(installSchema(pool, { schema })).rejects.toMatchObject({ missing: [`${schema}.${path}`] });
  const { rows } = await sql(
    `SELECT FROM pg_class AS c WHERE relnamespace = quote_ident(:'schema')::regnamespace AND relkind <> 'i'`,
  );
  expect(rows).toHaveLength(1);
});

it('is undone with the transaction of the host', async () => {
  const host = await client();
  await host.query('BEGIN');
  await installSchema(host, { schema });
  await host.query('ROLLBACK');
  await expect(installTriggers(pool, { schema })).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
});

it('can be run as rendered SQL', async () => {
  await pool.query(renderSql('schema', { schema, counterWrites: 'ignore' }));
  expect(await installSchema(pool, { schema, counterWrites: 'ignore' })).toMatchObject({ changed: false });
});

it.each([
  ['a code that is empty', `code = ''`, 'promo_codes_code_check'],
  ['a bonus of zero', 'bonus_value = 0', 'promo_codes_bonus_value_check'],
  ['a bonus of NaN', `bonus_value = 'NaN'`, 'promo_codes_bonus_value_check'],
  [
    'a percentage over 100',
    `bonus_type = 'percentage', max_bonus = 5, bonus_value = 100.01`,
    'promo_codes_percentage_check',
  ],
  ['a percentage without a cap', `bonus_type = 'percentage', bonus_value = 10`, 'promo_codes_percentage_check'],
  ['a cap of zero', 'max_bonus = 0', 'promo_codes_max_bonus_check'],
  ['an end before the start', `end_date = start_date - interval '1 second'`, 'promo_codes_dates_check'],
  ['a limit of zero', 'total_usage_limit = 0', 'promo_codes_total_usage_limit_check'],
  ['an unknown type of bonus', `bonus_type = 'free'`, 'promo_codes_bonus_type_check'],
])('refuses %s', async (_, change, constraint) => {
  await installSchema(pool, { schema });
  await sql(CODE);
  await expect(sql(`UPDATE :"schema".promo_codes SET ${change}`)).rejects.toMatchObject({ constraint });
});

it('refuses amounts that are negative or NaN, and the same code twice in one shop in any case', async () => {
  await installSchema(pool, { schema });
  await sql(CODE);
  for (const column of ['base_reward', 'bonus_amount', 'total_reward']) {
    for (const amount of ['-0.01', 'NaN']) {
      const insert = `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, ${column}) VALUES (1, 'a', 'shop', $1)`;
      await expect(sql(insert, [amount])).rejects.toMatchObject({ constraint: `promo_code_uses_${column}_check` });
    }
  }
  await expect(sql(CODE.replace('C1', 'c1'))).rejects.toMatchObject({ constraint: 'promo_codes_shop_code_idx' });
});

const COLUMNS = 'max_total_bonus, budget_overrun, min_base_reward, customer_address, metadata'.split(', ');
/** The tables as they were before there were budgets. */
const drop = `ALTER TABLE :"schema".promo_codes ${COLUMNS.map((column) => `DROP COLUMN ${column}`).join(', ')}`;
const input = { code: 'C2', shopId: 'shop', bonusValue: 5, perCustomerLimit: null };
const request = { code: 'C2', shopId: 'shop', customerAddress: 'ann', baseReward: 1 };

it.each([
  ['installSchema', () => installSchema(pool, { schema })],
  ['the script schema', () => sql(renderSql('schema', { schema }))],
])('%s adds to tables that it made earlier the columns of budgets, which hold from then on', async (_, upgrade) => {
  await installSchema(pool, { schema });
  await sql(drop);
  // Also where the triggers were installed anew in between.
  await installTriggers(pool, { schema });
  const repository = new PromoCodeRepository(pool, { schema });
  await repository.create(input);
  expect(await repository.redeem(request)).toMatchObject({ ok: true });
  await expect(repository.create({ ...input, code: 'C3', maxTotalBonus: 5 })).rejects.toThrow('has no column for it');
  await upgrade();
  const upgraded = new PromoCodeRepository(pool, { schema });
  expect(await upgraded.findByCode('C2')).toMatchObject({
    maxTotalBonus: null,
    budgetOverrun: 'refuse',
    metadata: null,
  });
  await upgraded.create({ ...input, code: 'C3', maxTotalBonus: 5 });
  expect(await upgraded.redeem({ ...request, code: 'C3' })).toMatchObject({ ok: true });
  expect(await upgraded.redeem({ ...request, code: 'C3' })).toMatchObject({ reason: 'budget_exhausted' });
  // A service that has not been restarted goes on.
  expect(await repository.redeem(request)).toMatchObject({ ok: true });
  expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true });
});

it('a column of this name that comes later is taken for a budget once the tables are described, and not before', async () => {
  await sql(SEED_TABLES);
  await sql('ALTER TABLE :"schema".promo_codes ADD metadata text, ADD customer_address bytea');
  await installTriggers(pool, { schema });
  const repository = new PromoCodeRepository(pool, { schema });
  await expect(repository.create({ ...input, metadata: {} })).rejects.toThrow('has no column for it');
  await repository.create({ ...input, columns: { metadata: 'of the host' } });
  await sql('ALTER TABLE :"schema".promo_codes ADD max_total_bonus numeric(10,4)');
  await expect(new PromoCodeRepository(pool, { schema }).update(1, { maxTotalBonus: 7 })).rejects.toThrow('no column');
  expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
  await installTriggers(pool, { schema, tables: {} });
  expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
  const found = new PromoCodeRepository(pool, { schema });
  await found.update(1, { maxTotalBonus: '7.0099' });
  expect(await found.redeem({ ...request, bonusAmount: '7.01' })).toMatchObject({ reason: 'budget_exhausted' });
  expect(await found.redeem({ ...request, bonusAmount: '7' })).toMatchObject({ ok: true });
  // Described as one that the host does not have, it is none, whatever is there.
  await installTriggers(pool, { schema, tables: { codes: { columns: { maxTotalBonus: null } } } });
  expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
  expect(await new PromoCodeRepository(pool, { schema }).redeem(request)).toMatchObject({ ok: true });
});
