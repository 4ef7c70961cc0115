import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installSchema, PromoCodeRepository, type RedeemResult, renderSql } from '../../src/index';
import { cases, useDatabase, useRole } from '../support';

const t = useDatabase('rights');
const [owner, app, inserter, connector, stranger] = [
  useRole({ label: 'owner' }),
  useRole({ label: 'app' }),
  useRole({ label: 'inserter' }),
  useRole({ label: 'connector' }),
  useRole({ label: 'stranger' }),
];
const denied = { code: '42501' };
const TABLES = [
  'promo_code_holds',
  'promo_code_idempotency_keys',
  'promo_code_rate_limits',
  'promo_code_campaigns',
  'promo_code_campaign_codes',
];

const connect = async (role: { login: { user: string; password: string } }) => {
  const client = await t.client(role.login);
  return { client, sql: (text: string, values?: unknown[]) => client.query(t.expand(text), values) };
};
const repositoryOf = (role: { login: { user: string; password: string } }, options = {}) =>
  new PromoCodeRepository(t.poolWith({ max: 2 }, role.login), { schema: t.schema, ...options });
const redeemed = (result: RedeemResult) => {
  if (!result.ok) throw new Error(`refused: ${result.reason}`);
  return result.use;
};
const request = (code: string, customerAddress: string) => ({ code, shopId: 'shop', customerAddress, baseReward: 1 });

beforeAll(() => t.sql(`GRANT CREATE ON DATABASE :"database" TO ${owner.quoted}, ${stranger.quoted}`));

/** A host without the library, in whose schema everybody may create, as in PostgreSQL 14. */
async function emptyHost(): Promise<void> {
  await t.sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE');
  await t.sql(
    `CREATE SCHEMA :"schema" AUTHORIZATION ${owner.quoted}; GRANT USAGE, CREATE ON SCHEMA :"schema" TO PUBLIC`,
  );
}

async function installed(options = {}): Promise<void> {
  await emptyHost();
  await installSchema(t.poolWith({ max: 2 }, owner.login), { schema: t.schema, grantTo: [app.role], ...options });
  await t.sql(
    `GRANT SELECT, INSERT, UPDATE, DELETE ON :"schema".promo_codes, :"schema".promo_code_uses TO ${app.quoted};
     GRANT INSERT ON :"schema".promo_code_uses TO ${inserter.quoted}`,
  );
}

describe('what a stranger has made under a name of the library', () => {
  beforeEach(emptyHost);
  const install = () => installSchema(t.pool, { schema: t.schema });

  it('a function beside the tables is never called, and stays his', async () => {
    const { sql } = await connect(stranger);
    const names = ['apply_promo_code_stats(code_id bigint, uses_delta bigint, bonus_delta numeric)'];
    names.push('recount_promo_code_stats(code_id bigint)', 'promo_code_is_visible(of_code bigint)');
    for (const name of names) {
      await sql(
        `CREATE FUNCTION :"schema".${name} RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'runs'; END $$`,
      );
    }
    await install();
    const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
    await repository.create({ code: 'X', shopId: 'shop', bonusValue: 5 });
    const { id } = redeemed(await repository.redeem({ ...request('X', 'a'), idempotencyKey: 'key' }));
    await repository.amendUse(id, { bonusAmount: 3 });
    await repository.rollbackUse(id);
    const { rows } = await t.sql(
      `SELECT DISTINCT pg_get_userbyid(p.proowner)::text AS owner
         FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = $1 AND p.prosrc LIKE '%runs%'`,
      [t.schema],
    );
    expect(rows).toEqual([{ owner: stranger.role }]);
  });

  it('a schema is refused by name', async () => {
    await (await connect(stranger)).sql('CREATE SCHEMA :"library"');
    await expect(install()).rejects.toThrow(t.library);
    await expect(install()).rejects.toThrow(stranger.role);
  });

  it.each([
    ['promo_code_holds', 'CREATE TABLE :"library".promo_code_holds (use_id bigint)'],
    [
      'promo_code_bonus',
      `CREATE FUNCTION :"library".promo_code_bonus(given numeric, is_percentage boolean, bonus_value numeric, cap numeric, base numeric, places integer)
         RETURNS numeric LANGUAGE sql AS 'SELECT 1e6'`,
    ],
  ])('in a schema of the owner in which he could create, %s is refused by name', async (name, create) => {
    await t.sql(
      `CREATE SCHEMA :"library" AUTHORIZATION ${owner.quoted}; GRANT USAGE, CREATE ON SCHEMA :"library" TO PUBLIC`,
    );
    await (await connect(stranger)).sql(create);
    await expect(install()).rejects.toThrow(name);
    await expect(install()).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
  });

  it('a function that looks like ours is refused by name', async () => {
    await t.sql(
      `CREATE SCHEMA :"library" AUTHORIZATION ${owner.quoted}; GRANT USAGE, CREATE ON SCHEMA :"library" TO PUBLIC`,
    );
    await (await connect(stranger)).sql(
      `CREATE FUNCTION :"library".promo_code_is_visible(of_code bigint) RETURNS boolean LANGUAGE sql AS $$
-- pg-promo-codes 2
SELECT true $$`,
    );
    await expect(install()).rejects.toThrow('promo_code_is_visible');
    const script = renderSql('schema', { schema: t.schema });
    await expect(t.sql(script)).rejects.toThrow('promo_code_is_visible');
    await t.sql('DROP SCHEMA :"library" CASCADE');
    await (await connect(stranger)).sql('CREATE SCHEMA :"library"');
    await expect(t.sql(script)).rejects.toThrow(`of the role ${stranger.role}`);
  });

  it('a table beside those of the host that says it is ours stays where it is', async () => {
    await (await connect(stranger)).sql(
      `CREATE TABLE :"schema".promo_code_holds (use_id bigint);
       COMMENT ON TABLE :"schema".promo_code_holds IS 'pg-promo-codes: created by the library, see installTriggers()'`,
    );
    await install();
    await t.sql('DROP SCHEMA :"library" CASCADE');
    await t.sql(renderSql('triggers', { schema: t.schema }));
    const { rows } = await t.sql(
      `SELECT n.nspname AS schema FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relname = 'promo_code_holds' AND pg_get_userbyid(c.relowner) = $1`,
      [stranger.role],
    );
    expect(rows).toEqual([{ schema: t.schema }]);
  });

  it('an installation that claims the tables of the host is none, for a superuser either', async () => {
    const { sql } = await connect(stranger);
    const claim = (await claimOf(t.schema)).replaceAll('claimed', 'claim');
    await sql('DROP SCHEMA IF EXISTS claim CASCADE; CREATE SCHEMA claim; GRANT USAGE ON SCHEMA claim TO PUBLIC');
    await sql(claim);
    await sql(`CREATE FUNCTION claim.redeem_promo_codes() RETURNS text LANGUAGE sql AS 'SELECT 1::text'`);
    await expect(new PromoCodeRepository(t.pool, { schema: t.schema }).findByCode('X')).rejects.toMatchObject({
      code: 'NOT_INSTALLED',
    });
    expect(await install()).toMatchObject({ changed: true });
    const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
    await repository.create({ code: 'X', shopId: 'shop', bonusValue: 5 });
    redeemed(await repository.redeem(request('X', 'ann')));
  });

  it('nothing can be made in the schema of the library, and a right to it is taken back by the next start', async () => {
    await install();
    const { sql } = await connect(stranger);
    const create =
      'CREATE FUNCTION :"library".promo_code_bonus(integer) RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$';
    await expect(sql(create)).rejects.toMatchObject(denied);
    await t.sql(
      `GRANT USAGE, CREATE ON SCHEMA :"library" TO PUBLIC; GRANT ALL ON :"library".promo_code_holds TO PUBLIC`,
    );
    expect(await install()).toMatchObject({ changed: true });
    await expect(sql(create)).rejects.toMatchObject(denied);
    await expect(sql('SELECT FROM :"library".promo_code_holds')).rejects.toMatchObject(denied);
  });
});

/** The function with which an installation says which tables it is for, in a schema claimed. */
async function claimOf(schema: string): Promise<string> {
  const script = renderSql('triggers', { schema, librarySchema: 'claimed' });
  const [claim] =
    /CREATE OR REPLACE FUNCTION "claimed"\.promo_code_installation\(\)[\s\S]*?\$body\$;/.exec(script) ?? [];
  if (!claim) throw new Error('the script has no such function');
  return claim;
}

describe.each(cases('kinds of triggers', ['statement', 'row'] as const, (kind) => kind === 'statement'))(
  'who may only insert uses (%s triggers)',
  (granularity) => {
    beforeEach(() => installed({ granularity, enforceLimits: true }));

    it('is counted, without any right to the schema of the library', async () => {
      const code = await repositoryOf(owner).create({
        code: 'X',
        shopId: 'shop',
        bonusValue: 5,
        perCustomerLimit: null,
      });
      const { sql } = await connect(inserter);
      await sql(
        `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
       VALUES ($1, 'ann', 'shop', 1, 2, 3), ($1, 'ann', 'shop', 1, 2, 3)`,
        [code.id],
      );
      const { rows } = await t.sql('SELECT times_used, total_bonus_issued FROM :"schema".promo_codes');
      expect(rows).toEqual([{ times_used: 2, total_bonus_issued: '4.00' }]);
      const rights = await t.sql(
        `SELECT has_schema_privilege($1, n.oid, 'USAGE') AS usage FROM pg_namespace AS n WHERE n.nspname = $2`,
        [inserter.role, t.library],
      );
      expect(rights.rows).toEqual([{ usage: false }]);
    });

    it('reads and plants no keys and holds, also with a right to the schema, and calls no function', async () => {
      await t.sql(`GRANT USAGE ON SCHEMA :"library" TO ${inserter.quoted}`);
      const { sql } = await connect(inserter);
      for (const table of TABLES) {
        for (const statement of ['SELECT FROM', 'DELETE FROM', 'TRUNCATE']) {
          await expect(sql(`${statement} :"library".${table}`), `${statement} ${table}`).rejects.toMatchObject(denied);
        }
        await expect(sql(`INSERT INTO :"library".${table} DEFAULT VALUES`), table).rejects.toMatchObject(denied);
      }
      const { rows } = await t.sql(
        `SELECT p.proname::text AS name FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = $2 AND has_function_privilege($1, p.oid, 'EXECUTE')`,
        [inserter.role, t.library],
      );
      expect(rows).toEqual([]);
    });

    it('learns nothing of a code that has no use left but its id', async () => {
      const fields = { shopId: 'shop', bonusValue: 5, perCustomerLimit: 7, totalUsageLimit: 8 };
      const code = await repositoryOf(owner).create({ ...fields, code: 'SECRET' });
      const { sql } = await connect(inserter);
      const insert = (customers: string) =>
        sql(
          `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
         SELECT $1, ${customers}, 'shop', 1, 2, 3 FROM generate_series(1, 20) AS i`,
          [code.id],
        );
      for (const [customers, sqlState] of [
        ['i::text', 'PC002'],
        [`'ann'`, granularity === 'row' ? 'PC003' : 'PC002'],
      ] as const) {
        const error = await insert(customers).then(
          () => expect.unreachable(),
          (thrown) => thrown,
        );
        expect(error).toMatchObject({ code: sqlState });
        const shown = [error.message, error.detail, error.hint, error.where].join(' ');
        expect(shown).toContain(`promo code ${code.id} `);
        expect(shown).not.toMatch(/SECRET|\b[78]\b/);
      }
    });
  },
);

describe('who may only connect', () => {
  beforeAll(() => installed());

  it('locks and reads nothing of the library', async () => {
    const { sql } = await connect(connector);
    for (const table of TABLES) {
      await sql('BEGIN');
      await expect(sql(`LOCK TABLE :"library".${table} IN ACCESS SHARE MODE`), table).rejects.toMatchObject(denied);
      await sql('ROLLBACK');
      await expect(sql(`SELECT FROM :"library".${table}`), table).rejects.toMatchObject(denied);
    }
  });

  it.each([
    ['a preview', 'promo_code_holds'],
    ['the limiter', 'promo_code_rate_limits'],
  ])('%s waits for a lock no longer than its timeout', async (_, table) => {
    const repository = repositoryOf(app, { lockTimeoutMs: 100, rateLimit: true });
    const code = `LOCKED ${table}`;
    await repository.create({ code, shopId: 'shop', bonusValue: 5 });
    const key = { rateLimitKey: '203.0.113.7' };
    const { baseReward: _baseReward, ...asked } = request(code, 'ann');
    await repository.validate(asked, key);
    const { sql } = await connect(owner);
    await sql(`BEGIN; LOCK TABLE :"library".${table}`);
    await expect(repository.validate(asked, key)).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    await sql('ROLLBACK');
  });
});

describe('a key or a hold that somebody has planted', () => {
  beforeEach(() => installed());

  it('takes back no use of another code or customer', async () => {
    const repository = repositoryOf(app);
    const code = await repository.create({ code: 'X', shopId: 'shop', bonusValue: 5 });
    const other = await repository.create({ code: 'Y', shopId: 'shop', bonusValue: 5 });
    const { id } = redeemed(await repository.redeem(request('X', 'ann')));
    const { sql } = await connect(app);
    for (const [codeId, customer] of [
      [code.id, 'eve'],
      [other.id, 'ann'],
    ]) {
      await sql(
        `INSERT INTO :"library".promo_code_holds (use_id, promo_code_id, customer_address, expires_at) VALUES ($1, $2, $3, '-infinity')`,
        [id, codeId, customer],
      );
      expect(await repository.releaseExpired()).toEqual({ released: 0, remaining: false });
    }
    expect((await repository.usesByCode(code.id)).items).toMatchObject([{ id }]);
  });

  it('shows no use of another code or customer', async () => {
    const repository = repositoryOf(app);
    const code = await repository.create({ code: 'X', shopId: 'shop', bonusValue: 5 });
    const { id } = redeemed(await repository.redeem(request('X', 'ann')));
    await (await connect(app)).sql(
      `INSERT INTO :"library".promo_code_idempotency_keys (shop_id, idempotency_key, fingerprint, use_id, promo_code_id, customer_address)
       VALUES ('shop', 'planted', :"library".promo_code_fingerprint('X', 'eve', 1, NULL, NULL, NULL, NULL), $1, $2, 'eve')`,
      [id, code.id],
    );
    expect(await repository.redeem({ ...request('X', 'eve'), idempotencyKey: 'planted' })).toMatchObject({
      ok: false,
      reason: 'rolled_back',
    });
  });
});

describe('what row-level security hides of the codes, it hides of keys and holds', () => {
  it('from a role that redeems', async () => {
    await installed();
    const repository = repositoryOf(owner);
    for (const shopId of ['mine', 'theirs']) {
      await repository.create({ code: 'X', shopId, bonusValue: 5, perCustomerLimit: null });
      redeemed(await repository.redeem({ ...request('X', 'ann'), shopId, idempotencyKey: 'key' }));
      redeemed(await repository.reserve({ ...request('X', 'ann'), shopId, ttlSeconds: 60 }));
    }
    await t.sql(
      `ALTER TABLE :"schema".promo_codes ENABLE ROW LEVEL SECURITY;
       CREATE POLICY mine ON :"schema".promo_codes USING (shop_id = 'mine')`,
    );
    const { sql } = await connect(app);
    const { rows } = await sql('SELECT shop_id FROM :"library".promo_code_idempotency_keys');
    expect(rows).toEqual([{ shop_id: 'mine' }]);
    expect((await sql('SELECT FROM :"library".promo_code_holds')).rowCount).toBe(1);
    expect((await sql('DELETE FROM :"library".promo_code_holds')).rowCount).toBe(1);
    const hidden = { ...request('X', 'ann'), shopId: 'theirs', idempotencyKey: 'key' };
    expect(await repositoryOf(app).redeem(hidden)).toMatchObject({ ok: false, reason: 'not_found' });
    const { rows: left } = await t.sql('SELECT count(*)::integer AS count FROM :"library".promo_code_holds');
    expect(left).toEqual([{ count: 1 }]);
  });
});
