import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  PromoCodeRepository,
  type RenderOptions,
  renderSql,
  uninstallTriggers,
} from '../../src/index';
import { cases, clientToolOrSkip, runTool, useDatabase, useRole } from '../support';
import { SEED_TABLES, SEED_TRIGGERS } from '../support/host-tables';

const { pool, sql, client, url } = useDatabase('scripts');
const application = useRole({ label: 'application' });
const psql = clientToolOrSkip('psql');
const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-scripts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HOSTILE = `it's "\\ $body$ %I :'schema'`;

beforeEach(async () => {
  const { rows } = await sql<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'`,
  );
  await pool.query(
    `DROP SCHEMA ${rows.map(({ name }) => pg.escapeIdentifier(name)).join(', ')} CASCADE; CREATE SCHEMA public`,
  );
});

interface Host {
  schema: string;
  tables: string;
  options: RenderOptions;
}

const seed = (schema: string, further = ''): Pick<Host, 'schema' | 'tables'> => ({
  schema,
  tables: (SEED_TABLES + further).replaceAll(':"schema"', () => pg.escapeIdentifier(schema)),
});

const UUIDS = `
  CREATE TABLE "Gift Codes" (
    gift_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), "the code" text NOT NULL, shop_id text NOT NULL, name text, description text,
    bonus_type text NOT NULL DEFAULT 'fixed', bonus_value numeric(18,2) NOT NULL, max_bonus numeric(18,2),
    start_date timestamptz NOT NULL DEFAULT now(), end_date timestamptz NOT NULL DEFAULT 'infinity', total_usage_limit integer,
    per_customer_limit integer, used bigint DEFAULT 0, total_bonus_issued numeric(18,2) DEFAULT 0, is_active boolean DEFAULT true,
    created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
  CREATE TABLE gifts_taken (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), gift uuid NOT NULL REFERENCES "Gift Codes", customer_address text NOT NULL,
    shop_id text NOT NULL, transaction_id text, base_reward numeric(18,2), bonus_amount numeric(18,2), total_reward numeric(18,2),
    used_at timestamptz DEFAULT now())`;

const HOSTS: [string, () => Host][] = [
  ['the default names', () => ({ ...seed('public'), options: {} })],
  ['another schema', () => ({ ...seed('shop'), options: { schema: 'shop' } })],
  ['a schema of any name', () => ({ ...seed(HOSTILE), options: { schema: HOSTILE, librarySchema: `${HOSTILE} too` } })],
  [
    'other tables, with ids that are UUIDs',
    () => ({
      schema: 'public',
      tables: UUIDS,
      options: {
        idTypes: { codes: 'uuid', uses: 'uuid' },
        tables: {
          codes: { name: 'Gift Codes', columns: { id: 'gift_id', code: 'the code', timesUsed: 'used' } },
          uses: { name: 'gifts_taken', columns: { promoCodeId: 'gift' } },
        },
      },
    }),
  ],
  [
    'uses that are kept when they are rolled back',
    () => ({
      ...seed('public', 'ALTER TABLE :"schema".promo_code_uses ADD deleted_at timestamptz;'),
      options: { tables: { uses: { rolledBack: { column: 'deleted_at' } } } },
    }),
  ],
  [
    'uses that have a status of an enum',
    () => ({
      ...seed(
        'public',
        `CREATE TYPE :"schema".use_status AS ENUM ('open', 'void');
         ALTER TABLE :"schema".promo_code_uses ADD status :"schema".use_status NOT NULL DEFAULT 'open';`,
      ),
      options: {
        rolledBackType: 'public.use_status',
        tables: { uses: { rolledBack: { column: 'status', counts: ['open'], value: 'void' } } },
      },
    }),
  ],
  ...(['timestamp', 'timestamptz(3)', 'date'] as const).map((type): [string, () => Host] => [
    `uses that are marked by a ${type}`,
    () => ({
      ...seed('public', `ALTER TABLE :"schema".promo_code_uses ADD undone ${type};`),
      options: { rolledBackType: type, tables: { uses: { rolledBack: { column: 'undone' } } } },
    }),
  ]),
  [
    'uses that have a status of so many characters',
    () => ({
      ...seed('public', `ALTER TABLE :"schema".promo_code_uses ADD status varchar(10) NOT NULL DEFAULT 'open';`),
      options: {
        rolledBackType: 'varchar(10)',
        tables: { uses: { rolledBack: { column: 'status', counts: ['open'], value: 'void' } } },
      },
    }),
  ],
  ['a role that redeems', () => ({ ...seed('public'), options: { grantTo: [application.role] } })],
  [
    'limits that are enforced',
    () => ({ ...seed('public'), options: { enforceLimits: true, counterWrites: 'reject' } }),
  ],
  ['triggers for each row', () => ({ ...seed('public'), options: { granularity: 'row', counterWrites: 'allow' } })],
  ['the schema of the host for all', () => ({ ...seed('public'), options: { librarySchema: 'public' } })],
  ['the triggers of the seed before it', () => ({ ...seed('public', SEED_TRIGGERS), options: {} })],
];

/** The ways to run a script. */
const WAYS: [string, (text: string) => Promise<unknown>][] = [
  ['as one query', (text) => pool.query(text)],
  [
    'in a transaction',
    async (text) => {
      const connection = await client();
      await connection.query('BEGIN');
      await connection.query(text);
      await connection.query('COMMIT');
    },
  ],
];
if (psql) WAYS.push(['through psql', runInPsql]);

async function runInPsql(text: string): Promise<string> {
  const file = path.join(folder, 'script.sql');
  writeFileSync(file, text);
  const { code, stdout, stderr } = await runTool(
    psql!,
    ['-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', url, '-f', file],
    { env: { PGOPTIONS: '-c client_min_messages=warning' } },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function prepare({ schema, tables }: Host): Promise<void> {
  await pool.query(`CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(schema)}`);
  await pool.query(tables);
}

/** What the catalogs say of every function, trigger, table and right, but for their numbers. */
async function everything() {
  const { rows } = await sql(
    `SELECT concat_ws(' ', p.oid::regprocedure, pg_get_userbyid(proowner), prosecdef, proconfig, prosrc,
                      (SELECT array_agg(g ORDER BY g) FROM aclexplode(proacl) AS g WHERE g.grantee <> proowner)) AS what
       FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
      WHERE nspname NOT IN ('pg_catalog', 'information_schema')
     UNION ALL
     SELECT concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled) FROM pg_trigger AS t WHERE NOT tgisinternal
     UNION ALL
     SELECT concat_ws(' ', c.oid::regclass, relkind, pg_get_userbyid(relowner), relrowsecurity, obj_description(c.oid),
                      (SELECT array_agg(g ORDER BY g) FROM aclexplode(relacl) AS g WHERE g.grantee <> relowner))
       FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     UNION ALL
     SELECT concat_ws(' ', nspname, (SELECT array_agg(g ORDER BY g) FROM aclexplode(nspacl) AS g WHERE g.grantee <> nspowner))
       FROM pg_namespace AS n WHERE nspname !~ '^pg_'
     ORDER BY 1`,
  );
  return rows;
}

describe.each(cases('hosts for scripts', HOSTS, (_, index) => index % 2 === 0))(
  "renderSql('triggers') for %s",
  (name, host) => {
    const place = HOSTS.findIndex(([other]) => other === name);
    it.each(cases('ways to run a script', WAYS, (_, index) => index === place % WAYS.length))(
      'run %s, once and once more, leaves what installTriggers would',
      async (_way, run) => {
        const { options, ...rest } = host();
        await prepare({ options, ...rest });
        const script = renderSql('triggers', options);
        await run(script);
        const installed = await everything();
        await run(script);
        expect(await everything()).toEqual(installed);
        const { idTypes, rolledBackType, ...own } = options;
        expect(await inspectTriggers(pool, own)).toMatchObject({ ok: true });
        expect(await installTriggers(pool, own)).toMatchObject({ changed: false });
        expect(await everything()).toEqual(installed);

        const repository = new PromoCodeRepository(pool, { schema: rest.schema });
        await repository.create({ code: 'X', shopId: 's', bonusValue: 5 });
        const ask = { code: 'x', shopId: 's', customerAddress: 'ann', baseReward: 1, idempotencyKey: 'k' };
        const used = await repository.redeem(ask);
        expect(used).toMatchObject({ ok: true, use: { bonusAmount: '5.00' } });
        expect(await repository.redeem(ask)).toMatchObject({ ok: true, replayed: true });
        if (used.ok) expect(await repository.rollbackUse(used.use.id)).toEqual({ rolledBack: true });
        await assertNoDrift(pool, { schema: rest.schema });

        await run(renderSql('uninstall', options));
        expect(await uninstallTriggers(pool, { schema: rest.schema })).toEqual({ removed: [] });
      },
    );
  },
);

describe('the other scripts', () => {
  it.each(WAYS)("'schema' run %s creates the tables as installSchema does", async (_, run) => {
    const tables = { codes: { name: 'vouchers' }, uses: { name: 'voucher uses' } };
    for (const options of [{}, { tables, librarySchema: 'vouchers' }]) {
      await run(renderSql('schema', options));
      expect(await installSchema(pool, options)).toMatchObject({ changed: false });
    }
  });

  it.skipIf(!psql)("'drift' run through psql shows what drifts", async () => {
    await prepare({ ...seed('public'), options: {} });
    await sql(renderSql('triggers', { counterWrites: 'allow' }));
    await sql(`INSERT INTO promo_codes (code, shop_id, times_used) VALUES ('C1', 'shop', 9)`);
    const shown = await runInPsql(renderSql('drift'));
    expect(shown).toMatch(/1 \| C1\s+\| shop\s+\|\s+9 \|\s+0 \|\s+0\.00 \|\s+0\.00/);
  });

  it("ids that the tables of 'schema' do not have are refused", () => {
    expect(() => renderSql('schema', { idTypes: { codes: 'uuid' } })).toThrow('idTypes');
  });

  it.each([`text; DROP TABLE x`, `"a$body$"`, `x.y.z`, '', `'text'`])('no type is called %s', (rolledBackType) => {
    expect(() => renderSql('triggers', { rolledBackType })).toThrow('rolledBackType');
  });
});

describe('sql/install.sql', () => {
  const text = readFileSync('sql/install.sql', 'utf8');

  it('is what renderSql writes for the default names, below a comment; `npm run sql` brings it up to date', () => {
    const script = renderSql('triggers');
    expect(text.endsWith(script)).toBe(true);
    expect(text.slice(0, -script.length)).toMatch(/^(?:--.*\n)+\n$/);
  });

  it.skipIf(!psql)(
    "installs over the seed's migration, whose own verification then finds two triggers and no drift",
    async () => {
      await prepare({ ...seed('public', SEED_TRIGGERS), options: {} });
      await sql(`INSERT INTO promo_codes (code, shop_id, times_used) VALUES ('C1', 'shop', 9), ('C2', 'shop', NULL)`);
      await runInPsql(text);
      const { rows } = await sql<{ tgname: string }>(
        `SELECT tgname FROM pg_trigger WHERE tgname LIKE 'promo_code_uses%' AND tgrelid = 'promo_code_uses'::regclass ORDER BY 1`,
      );
      expect(rows.map(({ tgname }) => tgname)).toEqual([
        'promo_code_uses_delete_trigger',
        'promo_code_uses_insert_trigger',
      ]);
      expect(await checkDrift(pool)).toEqual([]);
      expect(await installTriggers(pool)).toMatchObject({ changed: false });
    },
  );
});
