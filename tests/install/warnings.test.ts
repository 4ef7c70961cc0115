import { beforeEach, describe, expect, it } from 'vitest';
import { checkDrift, inspectTriggers, installSchema, installTriggers } from '../../src/index';
import { useDatabase, useRole } from '../support';
import { insertUses, SEED_TABLES, SEED_TRIGGERS } from '../support/host-tables';

const { schema, pool, sql, client, database, expand } = useDatabase('warnings');
const stranger = useRole({ label: 'stranger' });

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop'), ('C2', 'shop')`);
});

describe('warnings', () => {
  it.each<[string, string, RegExp]>([
    [
      'a column that looks like a soft delete',
      'ALTER TABLE :"schema".promo_code_uses ADD deleted_at timestamptz',
      /promo_code_uses\.deleted_at looks as if/,
    ],
    ['a status', `ALTER TABLE :"schema".promo_code_uses ADD status text`, /promo_code_uses\.status looks as if/],
    [
      'a bonus type of another word',
      `UPDATE :"schema".promo_codes SET bonus_type = 'percent' WHERE id = 1`,
      /other than fixed and percentage: 'percent'/,
    ],
    [
      'somebody else who may create objects',
      `GRANT CREATE ON SCHEMA :"schema" TO ${stranger.quoted}`,
      /may create objects in schema .* REVOKE CREATE/,
    ],
    ['everybody who may', 'GRANT CREATE ON SCHEMA :"schema" TO PUBLIC', /^PUBLIC may create objects/],
  ])('%s', async (_, change, message) => {
    await sql(change);
    const dry = await installTriggers(pool, { schema, dryRun: true });
    const report = await installTriggers(pool, { schema });
    const state = await inspectTriggers(pool, { schema });
    for (const { warnings } of [dry, report, state]) expect(warnings).toEqual([expect.stringMatching(message)]);
  });

  it('columns without time zone in a database that is not on UTC', async () => {
    const elsewhere = await client();
    await elsewhere.query(`SET timezone = 'Asia/Kathmandu'`);
    const { warnings } = await installTriggers(elsewhere, { schema });
    expect(warnings).toEqual([expect.stringContaining('promo_codes.start_date')]);
    expect(warnings[0]).toContain('Asia/Kathmandu');
    await elsewhere.query(`SET timezone = 'Etc/UTC'`);
    expect(await inspectTriggers(elsewhere, { schema })).toMatchObject({ warnings: [] });
  });

  it('none for a plain host', async () => {
    expect(await installTriggers(pool, { schema })).toMatchObject({ warnings: [] });
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true, warnings: [] });
  });
});

describe('dryRun', () => {
  const snapshot = async () => {
    const { rows } = await sql(
      `SELECT (SELECT count(*) FROM pg_class) AS relations, (SELECT count(*) FROM pg_proc) AS functions,
              (SELECT count(*) FROM pg_trigger) AS triggers, (SELECT xact_commit >= 0 FROM pg_stat_database WHERE datname = $1) AS there,
              (SELECT string_agg(concat_ws(' ', id, xmin, ctid), ',') FROM :"schema".promo_codes) AS codes`,
      [database],
    );
    return rows;
  };

  it('reports what the call then does, writes nothing and waits for no lock', async () => {
    await sql(SEED_TRIGGERS);
    await sql(insertUses(1, 1, 2));
    await sql('UPDATE :"schema".promo_codes SET times_used = 7 WHERE id = 2');
    const before = await snapshot();
    const writer = await client();
    await writer.query(
      expand('BEGIN; LOCK TABLE :"schema".promo_code_uses, :"schema".promo_codes IN SHARE ROW EXCLUSIVE MODE'),
    );
    const dry = await installTriggers(pool, { schema, dryRun: true, lockTimeoutMs: 50 });
    await writer.query('ROLLBACK');
    expect(dry).toMatchObject({ changed: true, repaired: [{ promoCodeId: '2', timesUsed: 7, actualUses: 1 }] });
    expect(await snapshot()).toEqual(before);
    const { changed, created, replaced, repaired } = await installTriggers(pool, { schema });
    expect({ changed, repaired }).toEqual({ changed: dry.changed, repaired: dry.repaired });
    expect([...created].sort()).toEqual([...dry.created].sort());
    expect([...replaced].sort()).toEqual([...dry.replaced].sort());
    expect(await checkDrift(pool, { schema })).toEqual([]);
    expect(await installTriggers(pool, { schema, dryRun: true })).toMatchObject({
      changed: false,
      created: [],
      repaired: [],
    });
  });

  it('of installSchema, where there is nothing yet', async () => {
    await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE');
    const dry = await installSchema(pool, { schema, dryRun: true });
    expect((await sql(`SELECT FROM pg_namespace WHERE nspname = :'schema'`)).rowCount).toBe(0);
    const report = await installSchema(pool, { schema });
    expect([...dry.created].sort()).toEqual([...report.created].sort());
    expect(await installSchema(pool, { schema, dryRun: true })).toMatchObject({ changed: false });
  });
});
