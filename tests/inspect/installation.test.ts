import { beforeEach, describe, expect, it } from 'vitest';
import {
  checkDrift,
  type InstallOptions,
  inspectTriggers,
  installTriggers,
  PromoCodeRepository,
  renderSql,
  uninstallTriggers,
} from '../../src/index';
import { readCatalog } from '../../src/inspect/catalog';
import { useRole, useSchema } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';

const t = useSchema('installation');
const { pool, schema, library, sql } = t;
const stranger = useRole({ label: 'stranger', mayCreateSchemas: true });
const owner = useRole({ label: 'owner', mayCreateSchemas: true });

const createTables = async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop')`);
};
const install = (options: InstallOptions = {}) => installTriggers(pool, { schema, ...options });
const inspect = (options: InstallOptions = {}) => inspectTriggers(pool, { schema, ...options });

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"library" CASCADE');
  await createTables();
});

describe('an installation stores its options', () => {
  it('and what is left out later is as installed', async () => {
    await install({ counterWrites: 'reject', enforceLimits: true, granularity: 'row', grantTo: [owner.role] });
    const stored = {
      ok: true,
      counterWrites: 'reject',
      enforceLimits: true,
      granularity: 'row',
      librarySchema: library,
    };
    expect(await inspect()).toMatchObject(stored);
    expect(await install()).toMatchObject({ changed: false, granularity: 'row' });
    // Another service changes one of them, and leaves the others.
    expect(await install({ counterWrites: 'allow' })).toMatchObject({ changed: true });
    expect(await inspect()).toMatchObject({ ...stored, counterWrites: 'allow' });
    expect(await inspect({ counterWrites: 'reject' })).toMatchObject({ ok: false });
    expect(await inspect({ grantTo: [] })).toMatchObject({ ok: false });
  });

  it('and is found by its library schema alone, wherever the tables are', async () => {
    await install({ librarySchema: library });
    expect(await inspectTriggers(pool, { librarySchema: library })).toMatchObject({ ok: true });
    await sql('ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER USER');
    await sql(insertUses(1));
    expect(await checkDrift(pool, { librarySchema: library })).toMatchObject([{ promoCodeId: '1', actualUses: 1 }]);
  });

  it('and its description: names that end a quote are names', async () => {
    const codes = `$codes$ it's "\\d\\b" $schema$`;
    const uses = '$body$uses$json$';
    await sql(`ALTER TABLE :"schema".promo_codes RENAME TO "${codes.replaceAll('"', '""')}"`);
    await sql(`ALTER TABLE :"schema".promo_code_uses RENAME TO "${uses}"`);
    await sql(`ALTER TABLE :"schema"."${uses}" RENAME bonus_amount TO "$json$ amount"`);
    const tables = { codes: { name: codes }, uses: { name: uses, columns: { bonusAmount: '$json$ amount' } } };
    await install({ tables });
    expect(await inspect()).toMatchObject({ ok: true });
    expect(await install()).toMatchObject({ changed: false });
    await sql(
      `INSERT INTO :"schema"."${uses}" (promo_code_id, "$json$ amount", customer_address, shop_id, base_reward, total_reward)
       VALUES (1, 5, 'x', 'shop', 1, 1)`,
    );
    const { rows } = await sql(`SELECT times_used FROM :"schema"."${codes.replaceAll('"', '""')}"`);
    expect(rows).toEqual([{ times_used: 1 }]);
    expect(await checkDrift(pool, { schema })).toEqual([]);
  });

  it('and the host whose time zone the server does not know is refused before anything is written', async () => {
    await expect(install({ timeZone: 'Europe/Atlantis' })).rejects.toThrow(/Europe\/Atlantis/);
    expect(await readCatalog(pool, { schema })).toMatchObject({ library: null, functions: [] });
    await install({ timeZone: 'Europe/Berlin' });
    expect(await inspect({ timeZone: 'Europe/Berlin' })).toMatchObject({ ok: true });
    expect(await inspect({ timeZone: 'europe/berlin' })).toMatchObject({ ok: false });
  });
});

describe('tables that were dropped and made anew', () => {
  it('are a first installation again: neither options nor keys are remembered', async () => {
    await install({ counterWrites: 'reject', enforceLimits: true });
    const repository = new PromoCodeRepository(pool, { schema });
    const ask = { code: 'C1', shopId: 'shop', customerAddress: 'ann', baseReward: 10, idempotencyKey: 'key' };
    expect(await repository.redeem(ask)).toMatchObject({ ok: true, replayed: false });
    await createTables();
    expect(await inspect()).toMatchObject({ ok: false, counterWrites: 'ignore', enforceLimits: false });
    await install();
    expect(await inspect()).toMatchObject({ ok: true, counterWrites: 'ignore', enforceLimits: false });
    const result = await new PromoCodeRepository(pool, { schema }).redeem({ ...ask, customerAddress: 'ben' });
    expect(result).toMatchObject({ ok: true, replayed: false, use: { customerAddress: 'ben' } });
    expect(await checkDrift(pool, { schema })).toEqual([]);
  });

  it('with rows, have these counted', async () => {
    await install();
    await createTables();
    await sql(insertUses(1, 1));
    expect(await install()).toMatchObject({ repaired: [{ promoCodeId: '1', actualUses: 2 }] });
    await sql(insertUses(1));
    expect(await checkDrift(pool, { schema })).toEqual([]);
  });

  it('under other names, are described anew', async () => {
    await sql('ALTER TABLE :"schema".promo_codes RENAME TO coupons');
    await install({ tables: { codes: { name: 'coupons' } } });
    await createTables();
    await sql('DROP SCHEMA :"library" CASCADE');
    await install();
    expect(await inspect()).toMatchObject({ ok: true });
  });
});

describe('tables that were dropped, and those that have their place now', () => {
  const others = { codes: { name: 'coupons' }, uses: { name: 'redemptions' } };
  const ask = { code: 'C1', shopId: 'shop', customerAddress: 'ann', baseReward: 10, idempotencyKey: 'key' };
  const redeem = () => new PromoCodeRepository(pool, { schema }).redeem(ask);
  const rename = () =>
    sql(
      `ALTER TABLE :"schema".promo_codes RENAME TO coupons; ALTER TABLE :"schema".promo_code_uses RENAME TO redemptions`,
    );

  it('under other names, do not answer for them', async () => {
    await install();
    expect(await redeem()).toMatchObject({ replayed: false });
    await createTables();
    await rename();
    await install({ tables: others });
    expect(await redeem()).toMatchObject({ ok: true, replayed: false });
  });

  it('are not described by what is remembered of them', async () => {
    await rename();
    await install({ tables: others });
    await createTables();
    await install();
    expect(await inspect()).toMatchObject({ ok: true });
    await createTables();
    await rename();
    await expect(install()).rejects.toMatchObject({ missing: [`${schema}.promo_codes`, `${schema}.promo_code_uses`] });
  });

  it('may have ids of other types, and the library may have lost a table', async () => {
    await install({ history: true });
    expect(await redeem()).toMatchObject({ replayed: false });
    await createTables();
    await sql(`ALTER TABLE :"schema".promo_code_uses DROP promo_code_id;
               ALTER TABLE :"schema".promo_codes DROP id, ADD id text PRIMARY KEY DEFAULT gen_random_uuid();
               ALTER TABLE :"schema".promo_code_uses ADD promo_code_id text NOT NULL, ALTER id DROP DEFAULT, ALTER id TYPE uuid USING gen_random_uuid(),
                 ALTER id SET DEFAULT gen_random_uuid();
               DROP TABLE :"library".promo_code_holds`);
    await install({ history: true });
    expect(await inspect()).toMatchObject({ ok: true });
    expect(await redeem()).toMatchObject({ ok: true, replayed: false });
    const { items } = await new PromoCodeRepository(pool, { schema }).history();
    expect(items).toMatchObject([{ kind: 'redeemed', promoCodeId: '1' }, { kind: 'redeemed' }]);
  });

  it('have a history of their own, and find none by ids that come again', async () => {
    const repository = new PromoCodeRepository(pool, { schema });
    const put = () => install({ history: true });
    const byScript = () => pool.query(renderSql('triggers', { schema, history: true }));
    for (const again of [put, put, byScript]) {
      await createTables();
      await again();
      expect(await redeem()).toMatchObject({ ok: true, use: { id: '1' } });
      expect((await repository.history({ useId: '1' })).items).toHaveLength(1);
    }
    expect((await repository.history()).items).toMatchObject(Array(3).fill({ useId: '1', promoCodeId: '1' }));
  });
});

it('ids of uses that get another type keep what keys remember', async () => {
  await install({ history: true });
  const ask = { code: 'C1', shopId: 'shop', customerAddress: 'ann', baseReward: 10, idempotencyKey: 'key' };
  const first = await new PromoCodeRepository(pool, { schema }).redeem(ask);
  await sql(
    'ALTER TABLE :"schema".promo_code_uses ALTER id DROP DEFAULT, ALTER id TYPE text, ALTER id SET DEFAULT gen_random_uuid()',
  );
  await install();
  expect(await inspect()).toMatchObject({ ok: true });
  const repository = new PromoCodeRepository(pool, { schema });
  expect(await repository.redeem(ask)).toEqual({ ...first, replayed: true });
  const useId = first.ok ? first.use.id : '';
  expect((await repository.history({ useId })).items).toMatchObject([{ kind: 'redeemed', useId }]);
});

it('tables that were renamed keep their installation', async () => {
  await install({ counterWrites: 'reject', granularity: 'row' });
  await sql('ALTER TABLE :"schema".promo_codes RENAME TO coupons');
  const tables = { codes: { name: 'coupons' } };
  await install({ librarySchema: library, tables });
  expect(await inspect()).toMatchObject({ ok: true, counterWrites: 'reject', granularity: 'row' });
  await sql(insertUses(1));
  expect(await checkDrift(pool, { schema })).toEqual([]);
});

describe('several installations for tables of one schema', () => {
  const others = { codes: { name: 'coupons' }, uses: { name: 'redemptions' } };
  const second = `${library.slice(0, 50)}_2`;

  beforeEach(async () => {
    const name = second.replaceAll('"', '""');
    await sql(`DROP SCHEMA IF EXISTS "${name}" CASCADE`);
    await sql(`CREATE TABLE :"schema".coupons (LIKE :"schema".promo_codes INCLUDING ALL);
               CREATE TABLE :"schema".redemptions (LIKE :"schema".promo_code_uses INCLUDING ALL)`);
    await install();
    await install({ librarySchema: second, tables: others });
    return () => sql(`DROP SCHEMA IF EXISTS "${name}" CASCADE`);
  });

  it('are an error that names them, where it is not said which one is meant', async () => {
    const names = [library, second].sort().map((name) => `'${name}'`);
    for (const call of [
      () => inspect(),
      () => install(),
      () => uninstallTriggers(pool, { schema }),
      () => checkDrift(pool, { schema }),
      () => new PromoCodeRepository(pool, { schema }).findByCode('C1', 'shop'),
    ]) {
      const error = await call().then(
        () => expect.unreachable(),
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ name: 'ValidationError', issues: [{ path: 'librarySchema' }] });
      for (const name of names) expect(String(error)).toContain(name);
    }
  });

  it('are each found by the library schema, or by the tables', async () => {
    expect(await inspect({ librarySchema: library })).toMatchObject({ ok: true, librarySchema: library });
    expect(await inspect({ librarySchema: second })).toMatchObject({ ok: true, librarySchema: second });
    expect(await inspect({ tables: others })).toMatchObject({ ok: true, librarySchema: second });
    expect(await inspect({ tables: {} })).toMatchObject({ ok: true, librarySchema: library });
  });

  it('have a library schema each: that of one is refused for the other', async () => {
    for (const [options, counted] of [
      [{ librarySchema: second, tables: {} }, 'coupons'],
      [{ librarySchema: library, tables: others }, 'promo_codes'],
    ] as const) {
      await expect(install(options)).rejects.toMatchObject({
        issues: [{ path: 'librarySchema', message: expect.stringContaining(`count in ${schema}.${counted}`) }],
      });
    }
    const script = (options: InstallOptions) => pool.query(renderSql('triggers', { schema, ...options }));
    await expect(script({ librarySchema: second })).rejects.toThrow(`belong to the library in schema ${library}`);
    await uninstallTriggers(pool, { librarySchema: second });
    await expect(script({ librarySchema: library, tables: others })).rejects.toThrow(`counts in ${schema}.promo_codes`);
    // Where it is not named, it is the usual one.
    await expect(install({ tables: others })).rejects.toMatchObject({ issues: [{ path: 'librarySchema' }] });
    expect(await inspect()).toMatchObject({ ok: true, librarySchema: library });
  });
});

describe('what a stranger makes', () => {
  /** As an installation would have it, for the tables of the host, in a schema of the stranger's. */
  const claim = async (name: string) => {
    const client = await t.client(stranger.login);
    const quoted = `"${name.replaceAll('"', '""')}"`;
    await client.query(`CREATE SCHEMA ${quoted}`);
    const { rows } = await sql<{ source: string }>(
      `SELECT prosrc AS source FROM pg_proc WHERE proname = 'promo_code_installation' AND pronamespace = (
         SELECT oid FROM pg_namespace WHERE nspname = :'library')`,
    );
    await client.query(
      `CREATE FUNCTION ${quoted}.promo_code_installation() RETURNS text LANGUAGE sql AS $claim$${rows[0]!.source}$claim$`,
    );
    return quoted;
  };
  const theirs = `${library.slice(0, 50)}_s`;

  it.each(['a superuser', 'the owner of the tables', 'anybody'])('an installation is none, for %s', async (who) => {
    await sql(
      `ALTER SCHEMA :"schema" OWNER TO ${owner.quoted};
       ALTER TABLE :"schema".promo_codes OWNER TO ${owner.quoted};
       ALTER TABLE :"schema".promo_code_uses OWNER TO ${owner.quoted}`,
    );
    await install();
    const quoted = await claim(theirs);
    const client = await t.client(who === 'the owner of the tables' ? owner.login : {});
    if (who === 'anybody') await client.query('SET ROLE pg_monitor');
    expect(await readCatalog(client, { schema })).toMatchObject({ librarySchema: library, installations: [library] });
    // Nor is it the one that is found where there is no other.
    await sql('DROP SCHEMA :"library" CASCADE');
    expect(await readCatalog(client, { schema })).toMatchObject({ stored: null, installations: [] });
    await sql(`DROP SCHEMA ${quoted} CASCADE`);
  });

  it('a schema is not installed into, though a superuser could', async () => {
    const client = await t.client(stranger.login);
    await client.query(t.expand('CREATE SCHEMA :"library"'));
    await expect(install()).rejects.toMatchObject({
      code: 'NOT_INSTALLED',
      message: expect.stringContaining(
        `belongs to the role ${stranger.role}; choose another one with the option librarySchema`,
      ),
    });
    expect(await readCatalog(pool, { schema })).toMatchObject({ functions: [], triggers: [] });
  });

  it('a function in the schema of the library is not taken for ours', async () => {
    await install();
    await sql(`GRANT CREATE, USAGE ON SCHEMA :"library" TO ${stranger.quoted}`);
    await sql('DROP FUNCTION :"library".promo_code_is_percentage(text)');
    const client = await t.client(stranger.login);
    await client.query(
      t.expand(
        `CREATE FUNCTION :"library".promo_code_is_percentage(text) RETURNS boolean LANGUAGE sql AS $$SELECT true$$`,
      ),
    );
    const { objects } = await inspect();
    expect(objects.filter(({ state }) => state === 'foreign')).toMatchObject([
      { name: 'promo_code_is_percentage', reason: expect.stringContaining(`belongs to the role ${stranger.role}`) },
    ]);
    await expect(install()).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
  });
});
