import { beforeEach, describe, expect, it } from 'vitest';
import { assertNoDrift, installSchema, installTriggers, PromoCodeRepository, renderSql } from '../../src/index';
import { useDatabase } from '../support';
import { INSTALL_SCHEMA, ON_TABLES, UNINSTALL } from '../support/functions';
import { SEED_TABLES } from '../support/host-tables';

const t = useDatabase('installation errors');
const { schema, pool, sql } = t;

/** Every function that takes a database, and a call of the repository. */
const CALLS: [name: string, run: (db: never, schema: string) => Promise<unknown>][] = [
  ...ON_TABLES,
  [
    'redeem',
    (db, schema) =>
      new PromoCodeRepository(db, { schema }).redeem({ code: 'X', shopId: 's', customerAddress: 'a', baseReward: 1 }),
  ],
];
const INSTALLING = [INSTALL_SCHEMA, UNINSTALL];

const failure = (call: Promise<unknown>): Promise<Error & { missing?: string[] }> =>
  call.then(
    () => expect.fail('it succeeded'),
    (error) => error,
  );

beforeEach(() => sql('DROP SCHEMA IF EXISTS :"schema" CASCADE; CREATE SCHEMA :"schema"'));

describe.each(CALLS)('%s', (_, run) => {
  it('C32 no tables: names both, and tables of similar names', async () => {
    await sql('CREATE TABLE :"schema".coupons (id int); CREATE TABLE :"schema".promo_code_usages (id int)');
    const error = await failure(run(pool as never, schema));
    expect(error).toMatchObject({
      name: 'NotInstalledError',
      code: 'NOT_INSTALLED',
      missing: [`${schema}.promo_codes`, `${schema}.promo_code_uses`],
    });
    expect(error.message).toContain('installSchema()');
    expect(error.message).toContain(`tables of similar names: ${schema}.coupons, ${schema}.promo_code_usages`);
  });

  it('C33 an unknown schema: says so, and where such tables are', async () => {
    await sql(SEED_TABLES);
    const error = await failure(run(pool as never, 'nope'));
    expect(error).toMatchObject({ code: 'NOT_INSTALLED' });
    expect(error.missing).toContain('nope.promo_codes');
    expect(error.message).toContain('There is no schema nope.');
    expect(error.message).toContain(`Tables of these names are in: ${schema} (option schema)`);
  });
});

it.each(CALLS.filter(([name]) => /Drift$/.test(name)))('C32 a missing column is named by %s', async (_, run) => {
  await sql(SEED_TABLES);
  await sql('ALTER TABLE :"schema".promo_code_uses DROP bonus_amount');
  expect(await failure(run(pool as never, schema))).toMatchObject({
    code: 'NOT_INSTALLED',
    missing: [`${schema}.promo_code_uses.bonus_amount`],
  });
});

describe.each([...CALLS, ...INSTALLING].filter(([name]) => name !== 'redeem'))('C39 %s', (_, run) => {
  it.each([
    ['a URL', 'postgres://localhost/shop', /for a URL: new pg\.Pool\(.*received a string that begins with postgres:/],
    ['nothing', undefined, /\}\)$/],
    ['null', null, /received null/],
    ['options', { schema: 'public' }, /received an object with schema/],
  ])('%s in place of a pool is a ValidationError', async (_what, db, message) => {
    const error = await failure(Promise.resolve().then(() => run(db as never, schema)));
    expect(error).toMatchObject({ name: 'ValidationError', code: 'VALIDATION', issues: [{ path: 'db' }] });
    expect(error.message).toMatch(/db: must be a pool or a client/);
    expect(error.message).toMatch(message);
  });
});

it('C44 tables of the library that a migration tool dropped: assertNoDrift names them, installTriggers creates them', async () => {
  await installSchema(pool, { schema });
  await sql('DROP TABLE :"library".promo_code_holds');
  const error = await failure(assertNoDrift(pool, { schema }));
  expect(error).toMatchObject({ code: 'DRIFT' });
  expect(error.message).toContain('table promo_code_holds: missing');
  expect(error.message).toContain('installTriggers()');
  await installTriggers(pool, { schema });
  await assertNoDrift(pool, { schema });
});

it("C47 renderSql('triggers') on a database without the tables says what is missing", async () => {
  await expect(pool.query(renderSql('triggers', { schema }))).rejects.toMatchObject({
    code: '42P01',
    message: expect.stringContaining(`missing: ${schema}.promo_code_uses, ${schema}.promo_codes`),
    hint: expect.stringContaining('the script "schema"'),
  });
  await sql(SEED_TABLES);
  await sql('ALTER TABLE :"schema".promo_codes DROP times_used');
  await expect(pool.query(renderSql('triggers', { schema }))).rejects.toMatchObject({
    message: expect.stringContaining(`missing: ${schema}.promo_codes.times_used`),
  });
});
