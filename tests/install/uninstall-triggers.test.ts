import { beforeEach, expect, it } from 'vitest';
import { checkDrift, inspectTriggers, installTriggers, uninstallTriggers } from '../../src/index';
import { eventually, useSchema } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';

const { schema, pool, sql, client, expand } = useSchema('uninstall');

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql(
    `INSERT INTO :"schema".promo_codes (code, shop_id) SELECT 'C' || n, 'shop' FROM generate_series(1, 8) AS n`,
  );
  await installTriggers(pool, { schema, counterWrites: 'reject', enforceLimits: true });
});

it('removes functions and triggers, and keeps tables, rows, counters and triggers of the host', async () => {
  await sql(`
    CREATE FUNCTION :"schema".audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER audit AFTER UPDATE ON :"schema".promo_codes FOR EACH ROW EXECUTE FUNCTION :"schema".audit()`);
  await sql(insertUses(1, 1, 2));
  const before = await sql('SELECT * FROM :"schema".promo_codes ORDER BY id');
  const { removed } = await uninstallTriggers(pool, { schema });
  expect(removed).toContain('promo_code_uses_insert_trigger');
  expect(removed).toContain('update_promo_code_stats_on_insert');
  expect(removed).not.toContain('audit');
  expect((await sql('SELECT * FROM :"schema".promo_codes ORDER BY id')).rows).toEqual(before.rows);
  const left = await sql(`SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN (
    format('%I.promo_codes', :'schema')::regclass, format('%I.promo_code_uses', :'schema')::regclass)`);
  expect(left.rows).toEqual([{ tgname: 'audit' }]);
  expect(await uninstallTriggers(pool, { schema })).toEqual({ removed: [] });

  await sql(insertUses(5));
  expect(await checkDrift(pool, { schema })).toHaveLength(1);
  expect((await installTriggers(pool, { schema })).repaired).toHaveLength(1);
});

it('does nothing where nothing is installed, not even where there are no tables', async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  expect(await uninstallTriggers(pool, { schema })).toEqual({ removed: [] });
});

it('gets through while 8 writers write the two tables in either order', async () => {
  let running = true;
  let written = 0;
  const touch = (code: number) => expand(`UPDATE :"schema".promo_codes SET name = 'touched' WHERE id = ${code}`);
  const insert = (code: number, round: number) => expand(insertUses(code).replace('customer-0', `customer-${round}`));
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    const connection = await client();
    for (let round = 0; running; round += 1) {
      const statements = [touch(writer + 1), insert(writer + 1, round)];
      await connection.query('BEGIN');
      for (const statement of writer % 2 === 0 ? statements : statements.reverse()) await connection.query(statement);
      await connection.query('COMMIT');
      written += 1;
    }
  });
  await eventually(() => expect(written).toBeGreaterThan(50));
  await uninstallTriggers(pool, { schema });
  running = false;
  await Promise.all(writers);
  expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: false, revision: 0 });
});
