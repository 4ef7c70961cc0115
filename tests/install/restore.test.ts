import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDrift, inspectTriggers, installSchema, installTriggers } from '../../src/index';
import { clientToolOrSkip, runTool, useDatabase } from '../support';
import { insertUses } from '../support/host-tables';

const source = useDatabase('dumped');
const target = useDatabase('restored');
const pgDump = clientToolOrSkip('pg_dump');
const psql = clientToolOrSkip('psql');
let file: string;

type CounterWrites = 'allow' | 'ignore' | 'reject';

async function dump(...options: string[]): Promise<void> {
  const result = await runTool(pgDump!, [...options, '-d', source.url, '-f', file]);
  expect(result.stderr).not.toContain('error');
}

async function restore(): Promise<string> {
  const { stderr } = await runTool(psql!, ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', target.url, '-f', file]);
  return stderr;
}

/** The target gets the schema under the same name, since a dump names it. */
async function emptyTarget(): Promise<void> {
  await target.sql(source.expand('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE'));
}

describe.skipIf(!pgDump || !psql)('a restore by pg_dump and psql', () => {
  const { schema, library } = source;

  let folder: string;
  afterAll(() => rmSync(folder, { recursive: true }));

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-dump-'));
    file = path.join(folder, 'dump.sql');
    await installSchema(source.pool, { schema });
    await source.sql(`INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, end_date)
                      SELECT 'C' || n, 'shop', 5, now() FROM generate_series(1, 4) AS n`);
    await source.sql(insertUses(1, 1, 1, 2, 3));
  });

  it('of everything is exact, and the installation is in order', async () => {
    await dump(...[schema, library].flatMap((name) => ['--schema', `"${name.replaceAll('"', '""')}"`]));
    await emptyTarget();
    expect(await restore()).toBe('');
    expect(await checkDrift(target.pool, { schema })).toEqual([]);
    expect(await inspectTriggers(target.pool, { schema })).toMatchObject({ ok: true });
    await target.sql(source.expand(insertUses(4)));
    expect(await checkDrift(target.pool, { schema })).toEqual([]);
  });

  it('of partitioned uses is exact, and each partition has its triggers', async () => {
    const parted = { schema: 'parted uses' };
    await source.sql('CREATE SCHEMA "parted uses"');
    await installSchema(source.pool, parted);
    await source.sql(`
      DROP TABLE "parted uses".promo_code_uses;
      CREATE TABLE "parted uses".promo_code_uses (
        id bigserial, promo_code_id bigint NOT NULL REFERENCES "parted uses".promo_codes, customer_address text NOT NULL,
        shop_id text NOT NULL, transaction_id text, base_reward numeric(18,2), bonus_amount numeric(18,2),
        total_reward numeric(18,2), used_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (promo_code_id, id)
      ) PARTITION BY HASH (promo_code_id);
      CREATE TABLE "parted uses".uses_0 PARTITION OF "parted uses".promo_code_uses FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE "parted uses".uses_1 PARTITION OF "parted uses".promo_code_uses FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      INSERT INTO "parted uses".promo_codes (code, shop_id, bonus_value, end_date)
      SELECT 'C' || n, 'shop', 5, now() FROM generate_series(1, 4) AS n`);
    const { librarySchema } = await inspectTriggers(source.pool, parted);
    await installTriggers(source.pool, parted);
    await source.sql(insertUses(1, 1, 2, 3, 4).replaceAll(':"schema"', '"parted uses"'));
    await dump('--schema', '"parted uses"', '--schema', `"${librarySchema}"`);
    expect(await restore()).toBe('');
    expect(await checkDrift(target.pool, parted)).toEqual([]);
    expect(await inspectTriggers(target.pool, parted)).toMatchObject({ ok: true });
    await target.sql(insertUses(1, 2, 3, 4).replaceAll(':"schema"', '"parted uses"'));
    expect(await checkDrift(target.pool, parted)).toEqual([]);
  });

  it.each<[CounterWrites, boolean, 'exact' | 'doubled' | 'refused']>([
    ['allow', false, 'doubled'],
    ['ignore', false, 'exact'],
    ['reject', false, 'refused'],
    ['allow', true, 'exact'],
    ['ignore', true, 'exact'],
    ['reject', true, 'exact'],
  ])("of data only, counterWrites '%s', --disable-triggers %s: %s", async (counterWrites, disableTriggers, outcome) => {
    await dump(
      '--data-only',
      ...(disableTriggers ? ['--disable-triggers'] : []),
      '--schema',
      `"${schema.replaceAll('"', '""')}"`,
    );
    await emptyTarget();
    await installSchema(target.pool, { schema, counterWrites });
    const errors = await restore();
    const drift = await checkDrift(target.pool, { schema });
    if (outcome === 'refused') {
      expect(errors).toContain('cannot be written');
      expect((await target.sql(source.expand('SELECT FROM :"schema".promo_codes'))).rowCount).toBe(0);
      return;
    }
    // Counters that are ignored are reported, and counted anew.
    const ignored = counterWrites === 'ignore' && !disableTriggers;
    expect(errors).toMatch(
      ignored ? /WARNING: .* of promo_codes is ignored: the new promo code 1 starts without uses/ : /^$/,
    );
    expect(errors).not.toContain('ERROR');
    expect(drift.map(({ timesUsed, actualUses }) => [timesUsed, actualUses])).toEqual(
      outcome === 'doubled'
        ? [
            [6, 3],
            [2, 1],
            [2, 1],
          ]
        : [],
    );
  });
});
