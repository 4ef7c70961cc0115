import pg from 'pg';
import { afterEach, expect, it } from 'vitest';
import { assertNoDrift, inspectTriggers, installSchema, installTriggers, PromoCodeRepository } from '../../src/index';
import { cases, useDatabase } from '../support';

const { schema, sql, url } = useDatabase('hostile-settings');

afterEach(() => sql('ALTER DATABASE :"database" RESET ALL'));

/** What a database may be set to, each of which changes what some statement means, prints or may do. */
const SETTINGS = [
  'quote_all_identifiers = on',
  'standard_conforming_strings = off',
  `"DateStyle" = 'SQL, DMY'`,
  `"IntervalStyle" = 'sql_standard'`,
  `bytea_output = 'escape'`,
  'extra_float_digits = -15',
  `search_path = ''`,
  `search_path = 'pg_temp'`,
  `default_transaction_isolation = 'serializable'`,
  `default_transaction_isolation = 'repeatable read'`,
  'default_transaction_deferrable = on',
  `client_encoding = 'LATIN1'`,
  'row_security = off',
  `plan_cache_mode = 'force_generic_plan'`,
  `plan_cache_mode = 'force_custom_plan'`,
  'enable_indexscan = off',
  'enable_seqscan = off',
  'enable_hashjoin = off',
  'enable_material = off',
  'check_function_bodies = off',
  `timezone = 'Asia/Kathmandu'`,
  `lc_messages = 'C'`,
  'array_nulls = on',
  'escape_string_warning = on',
  'transform_null_equals = on',
  'xmloption = document',
  'constraint_exclusion = on',
  'statement_timeout = 20000',
  'idle_in_transaction_session_timeout = 20000',
  `plpgsql.variable_conflict = 'error'`,
  `plpgsql.extra_errors = 'all'`,
];

it.each(cases('settings', SETTINGS, (_, index) => index % 6 === 0))(
  'install, inspect, redeem and check with %s',
  async (setting) => {
    await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE');
    await sql(`ALTER DATABASE :"database" SET ${setting}`);
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    try {
      await installSchema(pool, { schema });
      expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true });
      expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
      const repository = new PromoCodeRepository(pool, { schema });
      await repository.create({
        code: 'SALE',
        shopId: 's',
        bonusType: 'percentage',
        bonusValue: '12.5',
        maxBonus: 99,
        perCustomerLimit: 2,
      });
      const order = { code: 'sale', shopId: 's', baseReward: '10.04' };
      const [first, second] = await Promise.all([
        repository.redeem({ ...order, customerAddress: 'ann', idempotencyKey: 'k' }),
        repository.redeem({ ...order, customerAddress: 'bob' }),
      ]);
      expect([first, second]).toMatchObject([
        { ok: true, use: { bonusAmount: '1.26' } },
        { ok: true, use: { bonusAmount: '1.26' } },
      ]);
      expect(await repository.redeem({ ...order, customerAddress: 'ann', idempotencyKey: 'k' })).toMatchObject({
        ok: true,
        replayed: true,
      });
      await assertNoDrift(pool, { schema });
    } finally {
      await pool.end();
    }
  },
);

/** PostgreSQL prints the name of a schema only where it is not on the search path, as `public` is by default. */
const PRINTED = [
  'quote_all_identifiers = on',
  'quote_all_identifiers = off',
  `search_path = ''`,
  `search_path = 'public'`,
];

const PRINTED_IN = PRINTED.flatMap((setting) => [schema, 'public'].map((name) => [setting, name] as const));

it.each(cases('ways to print a definition', PRINTED_IN, (_, index) => index % 4 === 0))(
  'what inspectTriggers() works out from the triggers is what was installed, with %s in schema %s',
  async (setting, schema) => {
    await sql(
      'DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public',
    );
    await sql(`ALTER DATABASE :"database" SET ${setting}`);
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    try {
      await installSchema(pool, { schema });
      expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true, counterWrites: 'ignore' });
      for (const options of [
        { counterWrites: 'reject', granularity: 'row' },
        { counterWrites: 'allow', granularity: 'statement', enforceLimits: true },
        { counterWrites: 'ignore', granularity: 'row', enforceLimits: true },
      ] as const) {
        await installTriggers(pool, { schema, ...options });
        expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true, ...options });
        expect(await installTriggers(pool, { schema, ...options })).toMatchObject({ changed: false });
      }
    } finally {
      await pool.end();
    }
  },
);

it('a database that is read-only by default is named as such, and read where nothing has to be written', async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE');
  const writing = new pg.Pool({ connectionString: url, max: 1 });
  await installSchema(writing, { schema });
  await writing.end();
  await sql(`ALTER DATABASE :"database" SET default_transaction_read_only = on`);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  try {
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
    await assertNoDrift(pool, { schema });
    await expect(installTriggers(pool, { schema, counterWrites: 'reject' })).rejects.toMatchObject({
      code: 'READ_ONLY',
    });
  } finally {
    await pool.end();
  }
});
