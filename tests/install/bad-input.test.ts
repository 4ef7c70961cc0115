import { beforeEach, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  renderSql,
  repairDrift,
  streamDrift,
  uninstallTriggers,
  type ValidationError,
} from '../../src/index';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';

const { schema, pool, sql } = useSchema('bad-input');

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
});

async function objectsInSchema(): Promise<unknown[]> {
  const { rows } = await sql(`SELECT proname AS name FROM pg_proc WHERE pronamespace = (
    SELECT oid FROM pg_namespace WHERE nspname = :'schema')`);
  return rows;
}

describe('tables that cannot be counted in', () => {
  it('missing: all of them are named, and nothing is created', async () => {
    await expect(installTriggers(pool, { schema })).rejects.toMatchObject({
      name: 'NotInstalledError',
      code: 'NOT_INSTALLED',
      missing: [`${schema}.promo_codes`, `${schema}.promo_code_uses`],
    });
    await expect(inspectTriggers(pool, { schema })).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
    await expect(checkDrift(pool, { schema })).rejects.toMatchObject({ code: 'NOT_INSTALLED', sqlState: '42P01' });
    await expect(repairDrift(pool, { schema })).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
    await expect(assertNoDrift(pool, { schema })).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
    await expect(streamDrift(pool, { schema }).next()).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
    expect(await objectsInSchema()).toEqual([]);
  });

  it('an unknown time zone is told by its name before anything is written, whatever else is missing', async () => {
    const options = { schema, timeZone: 'Asia/Manilla' };
    for (const act of [installTriggers, installSchema, inspectTriggers]) {
      const error: ValidationError = await act(pool, options).catch((thrown) => thrown);
      expect(error, act.name).toMatchObject({
        code: 'VALIDATION',
        issues: [
          { path: 'timeZone', received: "'Asia/Manilla'", message: expect.stringContaining('is Asia/Manila meant?') },
        ],
      });
    }
    expect(await objectsInSchema()).toEqual([]);
    const { rows } = await sql(`SELECT relname FROM pg_class WHERE relnamespace = (
      SELECT oid FROM pg_namespace WHERE nspname = :'schema')`);
    expect(rows).toEqual([]);
  });

  it('a schema that does not exist', async () => {
    await expect(installTriggers(pool, { schema: 'no such schema' })).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
    await expect(checkDrift(pool, { schema: 'no such schema' })).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
  });

  it.each([
    [
      'a counter that is text',
      'ALTER TABLE :"schema".promo_codes ALTER times_used DROP DEFAULT, ALTER times_used TYPE text',
      'promo_codes.times_used',
    ],
    [
      'a float as total',
      'ALTER TABLE :"schema".promo_codes ALTER total_bonus_issued TYPE double precision',
      'promo_codes.total_bonus_issued',
    ],
    [
      'a float as amount',
      'ALTER TABLE :"schema".promo_code_uses ALTER bonus_amount TYPE real',
      'promo_code_uses.bonus_amount',
    ],
    ['no updated_at', 'ALTER TABLE :"schema".promo_codes DROP updated_at', 'promo_codes.updated_at'],
    ['no amount', 'ALTER TABLE :"schema".promo_code_uses DROP bonus_amount', 'promo_code_uses.bonus_amount'],
    [
      'a view',
      'ALTER TABLE :"schema".promo_codes RENAME TO codes; CREATE VIEW :"schema".promo_codes AS SELECT * FROM :"schema".codes',
      'promo_codes',
    ],
  ])('%s is told before anything is created', async (_, change, path) => {
    await sql(SEED_TABLES);
    await sql(change);
    await expect(installTriggers(pool, { schema })).rejects.toMatchObject({ missing: [`${schema}.${path}`] });
    expect(await objectsInSchema()).toEqual([]);
  });

  it('columns that only enforceLimits needs are asked for only then', async () => {
    await sql(SEED_TABLES);
    await sql('ALTER TABLE :"schema".promo_codes DROP total_usage_limit, DROP per_customer_limit');
    await expect(installTriggers(pool, { schema, enforceLimits: true })).rejects.toMatchObject({
      missing: [`${schema}.promo_codes.total_usage_limit`, `${schema}.promo_codes.per_customer_limit`],
    });
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: true });
  });

  it('amounts that no counter can hold are told before anything is created', async () => {
    await sql(SEED_TABLES);
    await sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop');
               INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
               VALUES (1, 'customer', 'shop', 1, 'NaN', 1)`);
    await expect(installTriggers(pool, { schema })).rejects.toMatchObject({ code: 'UNCOUNTABLE_AMOUNT' });
    expect(await objectsInSchema()).toEqual([]);
  });
});

describe('options', () => {
  const long = 'x'.repeat(64);
  it.each<[string, () => unknown, string[]]>([
    ['an unknown option', () => installTriggers(pool, { shcema: 'x' } as never), ['shcema']],
    ['an unknown value', () => installTriggers(pool, { granularity: 'rows' } as never), ['granularity']],
    [
      'several at once',
      () => installTriggers(pool, { counterWrites: 'no', enforceLimits: 1, lockTimeoutMs: 0 } as never),
      ['counterWrites', 'enforceLimits', 'lockTimeoutMs'],
    ],
    ['no object', () => installSchema(pool, 'public' as never), ['options']],
    ['an empty schema', () => checkDrift(pool, { schema: '' }), ['schema']],
    ['a NUL in the schema', () => checkDrift(pool, { schema: 'a\0b' }), ['schema']],
    ['a schema name that PostgreSQL would cut', () => checkDrift(pool, { schema: long }), ['schema']],
    ['a limit of zero', () => checkDrift(pool, { limit: 0 }), ['limit']],
    [
      'ids that are none, whatever type a host has',
      () => checkDrift(pool, { promoCodeIds: ['1', 1.5] as never }),
      ['promoCodeIds.1'],
    ],
    ['a batch size that is none', () => streamDrift(pool, { batchSize: -1 }).next(), ['batchSize']],
    ['an option of another call', () => uninstallTriggers(pool, { granularity: 'row' } as never), ['granularity']],
    ['an unknown script', () => renderSql('everything' as never), ['name']],
    ['assertNoDrift with an unknown option', () => assertNoDrift(pool, { dryRun: true } as never), ['dryRun']],
  ])('%s: a ValidationError that names it and says what is allowed', async (_, call, paths) => {
    const error = await Promise.resolve()
      .then(call)
      .then(
        () => expect.unreachable('it was accepted'),
        (reason: ValidationError) => reason,
      );
    expect(error).toMatchObject({ name: 'ValidationError', code: 'VALIDATION' });
    expect(error.issues.map(({ path }) => path)).toEqual(paths);
    for (const { message } of error.issues)
      expect(message).toMatch(/must|is not an option of \w+\(\); (the options are|schema\?)/);
  });
});
