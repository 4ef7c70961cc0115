import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { assertNoDrift, inspectTriggers, installSchema, installTriggers } from '../../src/index';
import { clientToolOrSkip, runTool, useSchema } from '../support';
import { insertUses, SEED_TABLES, SEED_TRIGGERS } from '../support/host-tables';

const { schema, pool, sql, url } = useSchema('psql');
const psql = clientToolOrSkip('psql');

const VERIFY_TRIGGERS = `
  SELECT tgname FROM pg_trigger
  WHERE tgname LIKE 'promo_code_uses%' AND tgrelid = format('%I.promo_code_uses', :'schema')::regclass`;
const VERIFY_SYNC = `
  SELECT pc.id, pc.code, pc.times_used, pc.total_bonus_issued,
         COALESCE(stats.actual_uses, 0) as actual_uses,
         COALESCE(stats.actual_bonus, 0) as actual_bonus
  FROM :"schema".promo_codes pc
  LEFT JOIN (
    SELECT promo_code_id, COUNT(*) as actual_uses, SUM(bonus_amount) as actual_bonus
    FROM :"schema".promo_code_uses GROUP BY promo_code_id
  ) stats ON pc.id = stats.promo_code_id
  WHERE pc.times_used != COALESCE(stats.actual_uses, 0)
     OR pc.total_bonus_issued != COALESCE(stats.actual_bonus, 0)`;

async function run(file: string, variables: Record<string, string> = {}): Promise<string> {
  const named = Object.entries({ schema, ...variables }).flatMap(([name, value]) => ['-v', `${name}=${value}`]);
  const { code, stdout, stderr } = await runTool(psql!, ['-X', '-d', url, ...named, '-f', path.join('sql', file)]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
});

describe.skipIf(!psql)('the files of sql/, run by psql', () => {
  it("install over the seed's migration, and the seed's own verification finds its two triggers and no drift", async () => {
    await sql(SEED_TABLES);
    await sql(SEED_TRIGGERS);
    await sql(
      `INSERT INTO :"schema".promo_codes (code, shop_id, times_used) VALUES ('C1', 'shop', 9), ('C2', 'shop', NULL)`,
    );
    await sql(insertUses(1, 1));
    await run('triggers.sql');
    await sql(insertUses(1, 2));

    const { rows } = await sql<{ tgname: string }>(VERIFY_TRIGGERS);
    expect(rows.map(({ tgname }) => tgname).sort()).toEqual([
      'promo_code_uses_delete_trigger',
      'promo_code_uses_insert_trigger',
    ]);
    expect((await sql(VERIFY_SYNC)).rows).toEqual([]);
    await assertNoDrift(pool, { schema });
  });

  it('leave what installTriggers would, byte for byte, and may be run again', async () => {
    await sql(SEED_TABLES);
    await run('triggers.sql');
    await run('triggers.sql');
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
  });

  it('take the options as variables', async () => {
    await sql(SEED_TABLES);
    await run('triggers.sql', { granularity: 'row', counter_writes: 'reject', enforce_limits: 'true' });
    const options = { granularity: 'row', counterWrites: 'reject', enforceLimits: true } as const;
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true, ...options });
    await run('triggers.sql');
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
  });

  it('create the tables as installSchema does', async () => {
    await run('schema.sql');
    expect(await installSchema(pool, { schema })).toMatchObject({ changed: false });
  });

  it('show the drift, and uninstall', async () => {
    await sql(SEED_TABLES);
    await sql(`INSERT INTO :"schema".promo_codes (code, shop_id, times_used) VALUES ('C1', 'shop', 9)`);
    expect(await run('drift.sql')).toMatch(/1 \| C1\s+\| shop\s+\|\s+9 \|\s+0 \|\s+0\.00 \|\s+0\.00/);
    await run('triggers.sql');
    expect(await run('drift.sql')).toContain('(0 rows)');
    await run('uninstall.sql');
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: false, revision: 0 });
    await run('uninstall.sql');
  });
});
