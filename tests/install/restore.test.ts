import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveUses, checkDrift, inspectTriggers, installSchema, installTriggers } from '../../src/index';
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

  it('of data only is exact with what archived uses count, of codes and of their campaigns', async () => {
    await source.sql(`INSERT INTO :"library".promo_code_campaigns (shop_id, name) VALUES ('shop', 'summer')`);
    await source.sql(
      `INSERT INTO :"library".promo_code_campaign_codes (promo_code_id, campaign_id) VALUES (1, 1), (2, 1)`,
    );
    await source.sql(`UPDATE :"schema".promo_code_uses SET used_at = '2020-01-01' WHERE id IN (1, 2, 4)`);
    expect(await archiveUses(source.pool, { schema, before: '2021-01-01T00:00:00Z' })).toEqual({ archived: 3 });
    const quoted = (name: string) => ['--schema', `"${name.replaceAll('"', '""')}"`];
    const expectRestored = async () => {
      expect(await checkDrift(target.pool, { schema })).toEqual([]);
      for (const counters of [
        `SELECT id, times_used FROM :"schema".promo_codes WHERE times_used > 0 ORDER BY id`,
        `SELECT times_used FROM :"library".promo_code_campaigns WHERE times_used > 0`,
      ]) {
        const expected = (await source.sql(counters)).rows;
        expect(expected).not.toEqual([]);
        expect((await target.sql(source.expand(counters))).rows).toEqual(expected);
      }
    };
    // What is carried comes before the codes, or after them.
    for (const order of [[[library], [schema]], [[schema], [library]], [[schema, library]]]) {
      await emptyTarget();
      await installSchema(target.pool, { schema });
      for (const parts of order) {
        await dump('--data-only', ...parts.flatMap(quoted));
        expect(await restore()).not.toContain('ERROR');
      }
      await expectRestored();
    }
  });
});
