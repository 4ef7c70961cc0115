import pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  PromoCodeRepository,
  renderSql,
  uninstallTriggers,
} from '../../src/index';
import { cases, useRole, useSchema } from '../support';
import { insertUses, SEED_TABLES, SEED_TRIGGERS } from '../support/host-tables';

const { schema, library, pool, sql } = useSchema('host-objects');
const reader = useRole({ label: 'stranger' });

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop'), ('C2', 'shop')`);
});

const indexes = async () => {
  const { rows } = await sql<{ name: string }>(
    `SELECT indexname AS name FROM pg_indexes WHERE schemaname = :'schema' AND tablename = 'promo_codes' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
};

describe.each(cases('ways to install', ['installTriggers', 'renderSql'] as const, (way) => way === 'installTriggers'))(
  "indexes of the host's, by %s",
  (way) => {
    const install = () =>
      way === 'installTriggers' ? installTriggers(pool, { schema }) : pool.query(renderSql('triggers', { schema }));

    it('that has the name of ours keeps its meaning, and ours gets another name', async () => {
      await sql('CREATE UNIQUE INDEX promo_codes_shop_code_idx ON :"schema".promo_codes (shop_id, code)');
      await install();
      expect(await indexes()).toEqual(['promo_codes_pkey', 'promo_codes_shop_code_idx', 'promo_codes_shop_code_idx_2']);
      await expect(
        sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop')`),
      ).rejects.toMatchObject({
        code: '23505',
      });
      expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
    });

    it.each([
      'UNIQUE INDEX host_code ON :"schema".promo_codes (upper(code::text), shop_id)',
      'INDEX host_code ON :"schema".promo_codes (shop_id, upper(code))',
      'INDEX host_code ON :"schema".promo_codes (shop_id, upper(code), is_active)',
    ])('that serves the look-up is enough: %s', async (index) => {
      await sql(`CREATE ${index}`);
      await install();
      expect(await indexes()).toEqual(['host_code', 'promo_codes_pkey']);
    });

    it.each([
      'INDEX host_code ON :"schema".promo_codes (shop_id, lower(code))',
      'INDEX host_code ON :"schema".promo_codes (shop_id, upper(code)) WHERE is_active',
      'INDEX host_code ON :"schema".promo_codes (shop_id, id, upper(code))',
    ])('that does not serve is left beside ours: %s', async (index) => {
      await sql(`CREATE ${index}`);
      await install();
      expect(await indexes()).toEqual(['host_code', 'promo_codes_pkey', 'promo_codes_shop_code_idx']);
    });
  },
);

/** Objects of the host's own where one of ours would be, and what the error names. */
const TAKEN: [what: string, ddl: string, name: string][] = [
  [
    "a trigger of the seed's name",
    `CREATE TABLE :"schema".audit (who text);
     CREATE FUNCTION :"schema".note() RETURNS trigger LANGUAGE plpgsql AS
       $f$BEGIN INSERT INTO :"schema".audit VALUES (NEW.customer_address); RETURN NULL; END$f$;
     CREATE TRIGGER promo_code_uses_insert_trigger AFTER INSERT ON :"schema".promo_code_uses
       FOR EACH ROW EXECUTE FUNCTION :"schema".note()`,
    'promo_code_uses_insert_trigger',
  ],
  [
    "the seed's function, to which the host has added something, and its trigger",
    SEED_TRIGGERS.replace('RETURN NEW;', "PERFORM pg_notify('used', NEW.id::text); RETURN NEW;"),
    'promo_code_uses_insert_trigger',
  ],
  [
    'in the schema of the library: a function with parameters of ours',
    `CREATE SCHEMA :"library";
     CREATE FUNCTION :"library".recount_promo_code_stats(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'`,
    'recount_promo_code_stats',
  ],
  [
    'in the schema of the library: a table of holds',
    'CREATE SCHEMA :"library"; CREATE TABLE :"library".promo_code_holds (id int, held_by text)',
    'promo_code_holds',
  ],
  [
    'in the schema of the library: a view of keys',
    'CREATE SCHEMA :"library"; CREATE VIEW :"library".promo_code_idempotency_keys AS SELECT 1 AS one',
    'promo_code_idempotency_keys',
  ],
  [
    'in the schema of the library: a sequence called as a table of ours',
    'CREATE SCHEMA :"library"; CREATE SEQUENCE :"library".promo_code_holds',
    'promo_code_holds',
  ],
  [
    'in the schema of the library: a table for a limiter',
    'CREATE SCHEMA :"library"; CREATE TABLE :"library".promo_code_rate_limits (key text PRIMARY KEY, points int, expire bigint)',
    'promo_code_rate_limits',
  ],
];

/** What a stranger has put where the library would look for its own, to be run by whoever installs. */
const PLANTED: [what: string, ddl: string, name: () => string][] = [
  ['the schema', 'CREATE SCHEMA :"library" AUTHORIZATION STRANGER', () => library],
  [
    'a function with the mark of ours',
    `CREATE SCHEMA :"library"; GRANT ALL ON SCHEMA :"library" TO STRANGER; SET ROLE STRANGER;
     CREATE FUNCTION :"library".apply_promo_code_stats(code_id bigint, uses_delta bigint, bonus_delta numeric) RETURNS void LANGUAGE plpgsql
       AS E'\n-- pg-promo-codes 2\nBEGIN END'; RESET ROLE`,
    () => 'apply_promo_code_stats',
  ],
  [
    'a table with the comment of ours',
    `CREATE SCHEMA :"library"; GRANT ALL ON SCHEMA :"library" TO STRANGER; SET ROLE STRANGER;
     CREATE TABLE :"library".promo_code_holds (use_id bigint PRIMARY KEY, promo_code_id bigint, customer_address text NOT NULL,
       expires_at timestamptz NOT NULL, released_at timestamptz, released_as text, created_at timestamptz);
     COMMENT ON TABLE :"library".promo_code_holds IS 'pg-promo-codes: mine'; RESET ROLE`,
    () => 'promo_code_holds',
  ],
];

describe('what somebody else has in the place of ours is not replaced', () => {
  const refuses = async (ddl: string, name: string) => {
    await sql(ddl);
    const before = await everything();
    const refusal = { code: 'NOT_INSTALLED', missing: expect.arrayContaining([name]) };
    await expect(installTriggers(pool, { schema })).rejects.toMatchObject(refusal);
    await expect(installTriggers(pool, { schema, dryRun: true })).rejects.toMatchObject(refusal);
    await expect(pool.query(renderSql('triggers', { schema }))).rejects.toMatchObject({
      code: '42710',
      message: expect.stringContaining(name),
    });
    expect(await everything()).toEqual(before);
  };

  it.each(cases('objects in our place', TAKEN, (_, at) => at % 2 === 0))('%s', async (_, ddl, name) => {
    await refuses(ddl, name);
    const taken = async () =>
      (await inspectTriggers(pool, { schema })).objects.filter((object) => object.reason !== undefined);
    expect(await taken()).toMatchObject([{ name, state: 'foreign' }]);
    for (const { fix } of await taken()) await pool.query(fix!);
    await installTriggers(pool, { schema });
    await sql(`ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER USER;
               ALTER TABLE :"schema".promo_code_uses ENABLE TRIGGER promo_code_uses_insert_trigger`);
    await sql(insertUses(1));
    expect(await checkDrift(pool, { schema })).toEqual([]);
  });

  it.each(cases('objects that a stranger has made', PLANTED, (_, at) => at % 2 === 0))(
    '%s that a stranger has made, not even by a superuser',
    async (_, ddl, name) => {
      await refuses(
        ddl.replaceAll('STRANGER', () => reader.quoted),
        name(),
      );
    },
  );

  it('in the schema of the host it does not matter, and stays', async () => {
    await sql(`CREATE FUNCTION :"schema".recount_promo_code_stats(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true';
               CREATE FUNCTION :"schema".update_promo_code_stats_on_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
               CREATE TABLE :"schema".promo_code_holds (id int, held_by text);
               CREATE VIEW :"schema".promo_code_idempotency_keys AS SELECT 1 AS one;
               CREATE TABLE :"schema".promo_code_rate_limits (key text PRIMARY KEY, points int, expire bigint);
               CREATE TRIGGER promo_code_uses_insert_trigger BEFORE TRUNCATE ON :"schema".promo_code_rate_limits
                 EXECUTE FUNCTION :"schema".update_promo_code_stats_on_truncate()`);
    const before = await everything();
    await installTriggers(pool, { schema });
    await uninstallTriggers(pool, { schema });
    await pool.query(renderSql('triggers', { schema }));
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true, warnings: [] });
    await pool.query(renderSql('uninstall', { schema }));
    expect(await everything()).toEqual(before);
  });

  it('nor what a stranger has put there under the marks of an earlier version', async () => {
    await sql(`GRANT ALL ON SCHEMA :"schema" TO ${reader.quoted}; SET ROLE ${reader.quoted};
               CREATE FUNCTION :"schema".recount_promo_code_stats(bigint) RETURNS void LANGUAGE plpgsql
                 AS E'\n-- pg-promo-codes 99\nBEGIN END';
               CREATE TABLE :"schema".promo_code_holds (use_id bigint PRIMARY KEY, promo_code_id bigint, customer_address text,
                 expires_at timestamptz);
               COMMENT ON TABLE :"schema".promo_code_holds IS 'pg-promo-codes: mine'; RESET ROLE`);
    for (const install of [
      () => installTriggers(pool, { schema }),
      () => pool.query(renderSql('triggers', { schema })),
    ]) {
      await install();
      const { rows } = await sql(
        `SELECT pg_get_userbyid(relowner) = $1 AS strange FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
          WHERE nspname = :'library' AND relname = 'promo_code_holds'`,
        [reader.role],
      );
      expect(rows).toEqual([{ strange: false }]);
      await uninstallTriggers(pool, { schema });
    }
  });

  it.each([
    ['word for word', SEED_TRIGGERS],
    ['in other spelling', SEED_TRIGGERS.replaceAll('COALESCE', 'coalesce').replaceAll(/\s+/g, ' ')],
  ])("but the seed's own triggers are, %s", async (_, triggers) => {
    await sql(triggers);
    expect(await installTriggers(pool, { schema })).toMatchObject({
      replaced: expect.arrayContaining(['promo_code_uses_insert_trigger', 'update_promo_code_stats_on_delete']),
    });
    await assertNoDrift(pool, { schema });
  });

  it("uninstalling leaves functions and triggers of the host's with our names", async () => {
    await sql(SEED_TRIGGERS);
    expect(await uninstallTriggers(pool, { schema })).toEqual({ removed: [] });
    await pool.query(renderSql('uninstall', { schema }));
    await sql(insertUses(1));
    expect(await checkDrift(pool, { schema })).toEqual([]);
  });
});

it('after the schema of the tables was renamed, installing puts everything right, in the library that there is', async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await installSchema(pool, { schema });
  const ask = { code: 'X', shopId: 's', customerAddress: 'a', baseReward: 1, idempotencyKey: 'k' };
  const before = new PromoCodeRepository(pool, { schema });
  await before.create({ code: 'X', shopId: 's', bonusValue: 5, perCustomerLimit: null });
  await before.redeem(ask);
  const moved = `${schema.slice(0, 50)}_moved`;
  const quoted = pg.escapeIdentifier(moved);
  await sql(`ALTER SCHEMA :"schema" RENAME TO ${quoted}; CREATE SCHEMA :"schema"`);
  try {
    await expect(installTriggers(pool, { schema: moved, librarySchema: library.slice(1) })).rejects.toMatchObject({
      code: 'VALIDATION',
      message: expect.stringContaining(library),
    });
    expect(await installTriggers(pool, { schema: moved })).toMatchObject({ changed: true });
    const { rows } = await pool.query(
      `SELECT count(*)::int AS old FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = $1
          AND (strpos(p.prosrc, $2) > 0 OR strpos(array_to_string(p.proconfig, ' '), $2) > 0
               OR strpos(array_to_string(p.proconfig, ' '), ', ' || $3 || ',') > 0)`,
      [library, `${pg.escapeIdentifier(schema)}.`, schema],
    );
    expect(rows).toEqual([{ old: 0 }]);
    expect(await inspectTriggers(pool, { schema: moved })).toMatchObject({ ok: true });
    const repository = new PromoCodeRepository(pool, { schema: moved });
    expect(await repository.redeem(ask)).toMatchObject({ ok: true, replayed: true });
    await assertNoDrift(pool, { schema: moved });
  } finally {
    await sql(`DROP SCHEMA ${quoted} CASCADE`);
  }
});

/** Functions, triggers, tables and policies of the schema. */
async function everything() {
  const { rows } = await sql(
    `SELECT p.oid::regprocedure::text || ' ' || md5(p.prosrc) AS what FROM pg_proc AS p
      WHERE p.pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN (:'schema', :'library'))
     UNION ALL
     SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
      WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN (:'schema', :'library'))
     UNION ALL
     SELECT c.relkind::text || c.relname || c.relrowsecurity::text FROM pg_class AS c
      WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN (:'schema', :'library'))
     ORDER BY 1`,
  );
  return rows;
}
