import pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { defaultLibrarySchema } from '../../src/host/library-schema';
import {
  assertNoDrift,
  inspectTriggers,
  installTriggers,
  renderSql,
  repairDrift,
  uninstallTriggers,
} from '../../src/index';
import { backendPid, endBackend, eventually, useRole, useSchema, waitUntilBlocked } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';
import { cases } from '../support/scope';

const { schema, pool, sql, client, expand, url, version } = useSchema('difficult-hosts');
const application = useRole({ label: 'application' });
const owner = useRole({ label: 'owner' });

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop'), ('C2', 'shop')`);
});

describe('tables that cannot be counted in exactly', () => {
  it.each<[string, string, string, number]>([
    [
      'uses with inheritance children',
      'CREATE TABLE :"schema".old_uses () INHERITS (:"schema".promo_code_uses)',
      'promo_code_uses',
      14,
    ],
    [
      'codes with inheritance children',
      'CREATE TABLE :"schema".old_codes () INHERITS (:"schema".promo_codes)',
      'promo_codes',
      14,
    ],
    [
      'ids that are unique per shop only',
      'ALTER TABLE :"schema".promo_codes DROP CONSTRAINT promo_codes_pkey CASCADE, ADD PRIMARY KEY (shop_id, id)',
      'promo_codes.id',
      14,
    ],
    [
      'a generated counter',
      'ALTER TABLE :"schema".promo_codes DROP times_used, ADD times_used int GENERATED ALWAYS AS (1) STORED',
      'promo_codes.times_used',
      14,
    ],
    [
      'a virtual amount',
      'ALTER TABLE :"schema".promo_code_uses DROP bonus_amount, ADD bonus_amount numeric GENERATED ALWAYS AS (base_reward * 0.5) VIRTUAL',
      'promo_code_uses.bonus_amount',
      18,
    ],
  ])('%s are told', async (_, change, path, since) => {
    if (version < since) return;
    await sql(change);
    await expect(installTriggers(pool, { schema })).rejects.toMatchObject({ missing: [`${schema}.${path}`] });
  });

  it.each([
    [
      'a child of another table',
      'CREATE TABLE :"schema".base (LIKE :"schema".promo_code_uses)',
      'INHERIT :"schema".base',
    ],
    [
      'a partition',
      'CREATE TABLE :"schema".base (LIKE :"schema".promo_code_uses INCLUDING DEFAULTS) PARTITION BY LIST (shop_id)',
      '',
    ],
  ])('uses that are %s are counted by row, since statements may name the other', async (_, base, inherit) => {
    const attach = `ALTER TABLE :"schema".base ATTACH PARTITION :"schema".promo_code_uses FOR VALUES IN ('shop')`;
    await sql(base);
    await sql(inherit ? `ALTER TABLE :"schema".promo_code_uses ${inherit}` : attach);
    await expect(installTriggers(pool, { schema, granularity: 'statement' })).rejects.toMatchObject({
      missing: [`${schema}.promo_code_uses`],
    });
    expect(await installTriggers(pool, { schema })).toMatchObject({ granularity: 'row' });
    await sql(insertUses(1, 1, 2));
    await sql('UPDATE :"schema".base SET bonus_amount = 7 WHERE promo_code_id = 1');
    await sql('DELETE FROM :"schema".base WHERE promo_code_id = 2');
    await assertNoDrift(pool, { schema });
    await sql('TRUNCATE :"schema".base');
    await assertNoDrift(pool, { schema });
    await uninstallTriggers(pool, { schema });
    await sql(renderSql('triggers', { schema }));
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
  });

  it('partitioned codes, where a move between partitions cannot be told from a write to the counters', async () => {
    await sql('DROP TABLE :"schema".promo_code_uses, :"schema".promo_codes');
    await sql(
      SEED_TABLES.replace('serial PRIMARY KEY', 'int')
        .replace(/\);\s+CREATE TABLE/, ') PARTITION BY LIST (shop_id);\nCREATE TABLE')
        .replace(/ REFERENCES .* ON DELETE CASCADE/, ''),
    );
    await expect(installTriggers(pool, { schema })).rejects.toMatchObject({
      missing: [`${schema}.promo_codes`],
    });
    await installTriggers(pool, { schema, counterWrites: 'allow' });
    await sql(`CREATE TABLE :"schema".codes_s PARTITION OF :"schema".promo_codes FOR VALUES IN ('s');
               CREATE TABLE :"schema".codes_t PARTITION OF :"schema".promo_codes FOR VALUES IN ('t');
               INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (1, 'C1', 's')`);
    await sql(insertUses(1, 1));
    await sql(`UPDATE :"schema".promo_codes SET shop_id = 't'`);
    await assertNoDrift(pool, { schema });
  });

  it('sums with more decimal places than the total holds are told before anything is created', async () => {
    await sql('ALTER TABLE :"schema".promo_code_uses ALTER bonus_amount TYPE numeric(18,4)');
    await sql(insertUses(1));
    await sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 0.005');
    await expect(installTriggers(pool, { schema })).rejects.toMatchObject({ code: 'UNCOUNTABLE_AMOUNT' });
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ revision: 0 });
    await sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 0.5');
    await installTriggers(pool, { schema });
    await assertNoDrift(pool, { schema });
  });
});

describe('connections', () => {
  it('an object with nothing but query that is a pool in disguise is refused before a transaction is begun', async () => {
    const disguised = { query: (text: string, values?: unknown[]) => pool.query(text, values) };
    await expect(installTriggers(disguised, { schema })).rejects.toMatchObject({ code: 'NOT_ONE_CONNECTION' });
    const connection = await client();
    const plain = { query: (text: string, values?: unknown[]) => connection.query(text, values) };
    expect(await installTriggers(plain, { schema })).toMatchObject({ changed: true });
  });

  it('a pool of one connection is enough, and a driver that takes one statement at a time as well', async () => {
    await sql(insertUses(1));
    const single = new pg.Pool({ connectionString: url, max: 1 });
    await installTriggers(single, { schema, enforceLimits: true });
    await single.end();
    const connection = await client();
    const extended = {
      query: (text: string, values: unknown[] = []) =>
        connection.query({ text, values, queryMode: 'extended' } as pg.QueryConfig),
    };
    await uninstallTriggers(extended, { schema });
    await installTriggers(extended, { schema, counterWrites: 'allow' });
    await sql('UPDATE :"schema".promo_codes SET times_used = 9');
    expect(await repairDrift(extended, { schema })).toHaveLength(2);
  });

  it("the session's own settings survive, whatever they are", async () => {
    const connection = await client();
    await connection.query(`SET lock_timeout = '1234ms'; SET quote_all_identifiers = on; SET standard_conforming_strings = off;
                            SET datestyle = 'German'; SET timezone = 'Asia/Kathmandu'; SET search_path = ''`);
    await installTriggers(connection, { schema, enforceLimits: true });
    expect(await installTriggers(connection, { schema, enforceLimits: true })).toMatchObject({ changed: false });
    const { rows } = await connection.query('SHOW lock_timeout');
    expect(rows).toEqual([{ lock_timeout: '1234ms' }]);
  });

  it('a lost one is an error of the tree', async () => {
    const connection = await client();
    await endBackend(pool, backendPid(connection));
    await expect(installTriggers(connection, { schema })).rejects.toMatchObject({
      name: 'ConnectionError',
      code: 'CONNECTION_LOST',
    });
  });

  it('a read-only one is told so', async () => {
    const connection = await client();
    await connection.query('SET default_transaction_read_only = on');
    await expect(installTriggers(connection, { schema })).rejects.toMatchObject({ code: 'READ_ONLY' });
  });
});

it('a schema name may be anything that PostgreSQL allows', async () => {
  const names = ['a\nb', '--\n', '$body$', ':"schema"', '%I %s', 'select', 'x'.repeat(63), `q"'\\`, 'Ünïcode ☃'];
  for (const name of cases('schema names', names, (_, index) => index % 4 === 3)) {
    const quoted = pg.escapeIdentifier(name);
    await pool.query(`CREATE SCHEMA ${quoted}`);
    try {
      await pool.query(SEED_TABLES.replaceAll(':"schema"', () => quoted));
      await installTriggers(pool, { schema: name, enforceLimits: true });
      await assertNoDrift(pool, { schema: name });
      expect((await uninstallTriggers(pool, { schema: name })).removed).toContain('promo_code_uses_insert_trigger');
      await pool.query(renderSql('triggers', { schema: name }));
      expect(await installTriggers(pool, { schema: name })).toMatchObject({ changed: false });
    } finally {
      const library = pg.escapeIdentifier(defaultLibrarySchema(name));
      await pool.query(`DROP SCHEMA IF EXISTS ${quoted}, ${library} CASCADE`);
    }
  }
}, 120_000);

it('a function of the host with the same name and other arguments is none of its business', async () => {
  await sql(`CREATE SCHEMA :"library";
             CREATE FUNCTION :"library".apply_promo_code_stats(int) RETURNS int LANGUAGE sql AS 'SELECT 1'`);
  await installTriggers(pool, { schema });
  await uninstallTriggers(pool, { schema });
  expect(await uninstallTriggers(pool, { schema })).toEqual({ removed: [] });
  await sql('SELECT :"library".apply_promo_code_stats(1)');
});

it('an application role does not stumble over a recount that the owner has not done yet', async () => {
  await sql(insertUses(1));
  await installTriggers(pool, { schema, reconcile: 'none' });
  await sql(`GRANT USAGE ON SCHEMA :"schema" TO ${application.quoted}`);
  expect(await installTriggers(await client(application.login), { schema })).toMatchObject({
    changed: false,
    repaired: [],
  });
  expect(await inspectTriggers(pool, { schema })).toMatchObject({ reconcilePending: true });
});

it('what a superuser installs on the tables of another role belongs to that role, and what the rendered SQL does as well', async () => {
  await sql(`GRANT USAGE, CREATE ON SCHEMA :"schema" TO ${owner.quoted};
             ALTER TABLE :"schema".promo_codes OWNER TO ${owner.quoted}; ALTER TABLE :"schema".promo_code_uses OWNER TO ${owner.quoted}`);
  const owners = async () => {
    const { rows } = await sql(`SELECT DISTINCT pg_get_userbyid(proowner) AS owner FROM pg_proc
      WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'library')
     UNION SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = :'library'
     UNION SELECT pg_get_userbyid(relowner) FROM pg_class
            WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'library')`);
    return rows;
  };
  await installTriggers(pool, { schema });
  expect(await owners()).toEqual([{ owner: owner.role }]);
  await uninstallTriggers(pool, { schema });
  await pool.query(renderSql('triggers', { schema }));
  expect(await owners()).toEqual([{ owner: owner.role }]);
  expect(await installTriggers(await client(owner.login), { schema })).toMatchObject({ changed: false });
});

it('the rendered SQL refuses a transaction whose snapshot may be too old', async () => {
  const connection = await client();
  await connection.query('SET default_transaction_isolation = "repeatable read"');
  await expect(connection.query(renderSql('triggers', { schema }))).rejects.toThrow('READ COMMITTED');
});

it('changing the options under a reader that then writes costs nobody a deadlock', async () => {
  await installTriggers(pool, { schema, enforceLimits: true });
  const writer = await client();
  await writer.query(expand('BEGIN; SELECT FROM :"schema".promo_code_uses'));
  const installer = await client();
  const installing = installTriggers(installer, { schema, enforceLimits: false });
  await waitUntilBlocked(pool, backendPid(installer));
  await writer.query(expand(insertUses(1)));
  await writer.query('COMMIT');
  expect(await installing).toMatchObject({ changed: true });
  await assertNoDrift(pool, { schema });
});

it('repairing as a role from which row-level security hides uses is an error, not a wrong count', async () => {
  await installTriggers(pool, { schema, counterWrites: 'allow' });
  await sql(insertUses(1, 1));
  await sql(`UPDATE :"schema".promo_codes SET times_used = 9 WHERE id = 1;
             GRANT USAGE ON SCHEMA :"schema" TO ${application.quoted};
             GRANT ALL ON ALL TABLES IN SCHEMA :"schema" TO ${application.quoted};
             ALTER TABLE :"schema".promo_code_uses ENABLE ROW LEVEL SECURITY;
             CREATE POLICY mine ON :"schema".promo_code_uses USING (customer_address = 'customer-0')`);
  const hidden = repairDrift(await client(application.login), { schema });
  await expect(hidden).rejects.toMatchObject({ code: 'INSUFFICIENT_PRIVILEGE' });
});

it('installing and uninstalling at once ends in one of the two, with true counters', async () => {
  await sql(insertUses(1));
  const calls = Array.from({ length: 12 }, (_, index) =>
    index % 3 === 2 ? uninstallTriggers(pool, { schema }) : installTriggers(pool, { schema }),
  );
  await Promise.all(calls);
  await eventually(async () => {
    await installTriggers(pool, { schema });
    await assertNoDrift(pool, { schema });
  });
});
