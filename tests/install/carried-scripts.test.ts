import knex from 'knex';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkDrift,
  inspectTriggers,
  installTriggers,
  PromoCodeRepository,
  type RenderOptions,
  renderSql,
  type SqlScript,
  uninstallTriggers,
} from '../../src/index';
import { cases, useDatabase } from '../support';

/** What migration tools do to the text of a script on its way to the server. */
const { pool, sql, client, url } = useDatabase('carried scripts');

/** What the script 'schema' knows, and the others have to be told. */
const EXTRA = {
  ...{ maxTotalBonus: 'max_total_bonus', budgetOverrun: 'budget_overrun', minBaseReward: 'min_base_reward' },
  ...{ customerAddress: 'customer_address', metadata: 'metadata' },
};
const ODD = String.raw`what? \? \\? ?? <question mark> $script$ $text$ é 'x' "y"`;
const ODD_HOST: RenderOptions = {
  schema: `s ${ODD}`,
  librarySchema: `l ${ODD}`,
  tables: {
    codes: { name: 'codes?', columns: { code: 'which code?', timesUsed: 'how often?', ...EXTRA } },
    uses: {
      name: 'uses?',
      columns: { usedAt: 'when?' },
      rolledBack: { column: 'open?', counts: ['yes?'], value: 'no?' },
    },
  },
};
const SCRIPTS: SqlScript[] = ['schema', 'triggers', 'uninstall', 'drift'];

async function createSchema({ schema = 'public' }: RenderOptions): Promise<void> {
  await pool.query(`CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(schema)}`);
}

/** What is there counts, and is byte for byte what the library installs. */
async function expectInstalled({ schema, librarySchema, tables }: RenderOptions): Promise<void> {
  const options = { schema, librarySchema };
  expect(await inspectTriggers(pool, { ...options, tables })).toMatchObject({ ok: true });
  expect(await installTriggers(pool, { ...options, tables })).toMatchObject({ changed: false });
  const promoCodes = new PromoCodeRepository(pool, options);
  await promoCodes.ensure({ code: 'SUMMER', shopId: 's', bonusValue: 5, perCustomerLimit: null });
  const input = { code: 'summer', shopId: 's', customerAddress: 'ann', baseReward: 1 };
  expect(await promoCodes.redeem(input)).toMatchObject({ ok: true });
  expect(await checkDrift(pool, options)).toEqual([]);
}

async function expectNothing({ schema, librarySchema }: RenderOptions): Promise<void> {
  expect(await uninstallTriggers(pool, { schema, librarySchema })).toEqual({ removed: [] });
}

describe('no script holds a question mark, which Knex takes for a placeholder', () => {
  const HOSTS: [string, RenderOptions][] = [
    ['default names', {}],
    [
      'all that triggers can do',
      { granularity: 'row', enforceLimits: true, counterWrites: 'reject', grantTo: ['app'] },
    ],
    ['UUIDs', { idTypes: { codes: 'uuid', uses: 'uuid' } }],
    ['question marks in its names', { ...ODD_HOST, timeZone: 'Europe/Berlin', grantTo: ['who?'] }],
  ];
  it.each(HOSTS)('for a host with %s', (_, options) => {
    for (const name of SCRIPTS.filter((script) => !(script === 'schema' && options.idTypes)))
      expect(renderSql(name, options)).not.toContain('?');
  });
});

describe('a host with question marks in its names', () => {
  const db = knex({ client: 'pg', connection: url });
  afterAll(() => db.destroy());
  // Its column for the status is its own; the script 'schema' creates none.
  const { tables: { uses: { rolledBack: _, ...uses } = {}, codes } = {}, ...places } = ODD_HOST;
  const host: RenderOptions = { ...places, tables: { ...(codes && { codes }), uses } };

  beforeAll(() => createSchema(host));

  it('is installed through knex.raw, is read through it, and goes through it', async () => {
    await db.raw(renderSql('schema', host));
    await expectInstalled(host);
    await db.raw(renderSql('triggers', host));
    await expectInstalled(host);
    await db.raw(renderSql('triggers', { ...host, counterWrites: 'allow' }));
    await pool.query(`UPDATE ${pg.escapeIdentifier(host.schema!)}."codes?" SET "how often?" = 9`);
    const { rows } = await db.raw(renderSql('drift', host));
    expect(rows).toMatchObject([{ code: 'SUMMER', actual_uses: '2' }]);
    await db.raw(renderSql('triggers', { ...host, counterWrites: 'allow' }));
    expect((await db.raw(renderSql('drift', host))).rows).toEqual([]);
    await db.raw(renderSql('uninstall', host));
    await expectNothing(host);
  });

  it('counts by a status whose words hold one', async () => {
    await db.raw(renderSql('schema', host));
    await pool.query(
      `ALTER TABLE ${pg.escapeIdentifier(host.schema!)}."uses?" ADD "open?" text NOT NULL DEFAULT 'yes?';
       DELETE FROM ${pg.escapeIdentifier(host.schema!)}."uses?"`,
    );
    await db.raw(renderSql('uninstall', host));
    await db.raw(renderSql('triggers', ODD_HOST));
    await expectInstalled(ODD_HOST);
    expect((await db.raw(renderSql('drift', ODD_HOST))).rows).toEqual([]);
    await db.raw(renderSql('uninstall', ODD_HOST));
    await expectNothing(ODD_HOST);
  });
});

/** The statements of a script, as a tool finds them that knows strings, names, comments and dollar quotes. */
function statementsOf(script: string): string[] {
  const tokens = /--[^\n]*|E?'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$[a-z_]*\$)[\s\S]*?\1|;|[\s\S]/g;
  const statements = [''];
  for (const [token] of script.matchAll(tokens)) {
    if (token === ';') statements.push('');
    else statements.push(`${statements.pop()}${token}`);
  }
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== '');
}

const WAYS: [string, (script: string) => Promise<unknown>][] = [
  [
    'statement by statement through the extended protocol, in one transaction',
    async (script) => {
      const connection = await client();
      await connection.query('BEGIN');
      for (const text of statementsOf(script))
        await connection.query({ text, values: [], queryMode: 'extended' } as never);
      await connection.query('COMMIT');
    },
  ],
  [
    'statement by statement without a transaction',
    async (script) => {
      for (const text of statementsOf(script)) await pool.query(text);
    },
  ],
  ['with the line ends of Windows', (script) => pool.query(script.replaceAll('\n', '\r\n'))],
  [
    'with a search_path of the tool',
    async (script) => {
      const connection = await client();
      await connection.query('CREATE SCHEMA IF NOT EXISTS elsewhere');
      await connection.query(`SET search_path = elsewhere, pg_catalog; ${script}`);
    },
  ],
];

describe.each(cases('hosts for carried scripts', [{}, ODD_HOST], (host) => host === ODD_HOST))('a host', (options) => {
  const { tables: { codes, uses } = {}, ...places } = options as RenderOptions;
  const host: RenderOptions = {
    ...places,
    tables: codes && uses ? { codes, uses: { ...uses, rolledBack: undefined } } : undefined,
  };

  it.each(cases('ways to carry a script', WAYS, (_, index) => index % 2 === 0))(
    'is installed %s, as the library would, and removed',
    async (_, run) => {
      await createSchema(host);
      await run(renderSql('schema', host));
      await expectInstalled(host);
      await run(renderSql('triggers', { ...host, tables: host.tables ?? { codes: { columns: EXTRA } } }));
      await expectInstalled(host);
      await run(renderSql('uninstall', host));
      await expectNothing(host);
      const { rows } = await sql(`SELECT FROM pg_namespace WHERE nspname = $1`, [host.librarySchema ?? 'pgpromocodes']);
      expect(rows).toEqual([]);
    },
  );
});

it('columns that are not there and are not described as null are named, all at once, and nothing is written', async () => {
  await createSchema({ schema: 'bare' });
  await pool.query(`
    CREATE TABLE bare.promo_codes (id bigint PRIMARY KEY, code text, shop_id text, times_used integer, total_bonus_issued numeric,
                                   updated_at timestamptz);
    CREATE TABLE bare.promo_code_uses (id bigint PRIMARY KEY, promo_code_id bigint, customer_address text, bonus_amount numeric)`);
  const script = renderSql('triggers', { schema: 'bare' });
  await expect(pool.query(script)).rejects.toMatchObject({
    code: '42P01',
    message: expect.stringMatching(/missing: bare\.promo_code_uses\.base_reward, .*bare\.promo_codes\.name, /),
    hint: expect.stringContaining('null'),
  });
  expect((await sql(`SELECT FROM pg_namespace WHERE nspname = 'pgpromocodes_bare'`)).rows).toEqual([]);
});

it('budgets that an installation knows are not forgotten by a script that was not told of their columns', async () => {
  const options: RenderOptions = { schema: 'budgets' };
  await createSchema(options);
  await pool.query(renderSql('schema', options));
  await expect(pool.query(renderSql('triggers', options))).rejects.toMatchObject({
    code: '22023',
    message: expect.stringMatching(/not told of: budget_overrun \(budgetOverrun\), .*metadata \(metadata\)/),
  });
  await pool.query(renderSql('schema', options));
  const none = Object.fromEntries(Object.keys(EXTRA).map((role) => [role, null]));
  await pool.query(renderSql('triggers', { ...options, tables: { codes: { columns: none } } }));
  await pool.query(renderSql('triggers', options));
});

it('tables that were dropped and made anew, as a tool resets a database, know nothing of the keys before', async () => {
  await pool.query(renderSql('schema'));
  const promoCodes = new PromoCodeRepository(pool);
  const redeem = async () => {
    await promoCodes.ensure({ code: 'SUMMER', shopId: 's', bonusValue: 5 });
    return promoCodes.redeem({
      code: 'summer',
      shopId: 's',
      customerAddress: 'ann',
      baseReward: 1,
      idempotencyKey: 'k',
    });
  };
  expect(await redeem()).toMatchObject({ ok: true, replayed: false });
  await pool.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await pool.query(renderSql('schema'));
  expect(await redeem()).toMatchObject({ ok: true, replayed: false });
  expect(await installTriggers(pool)).toMatchObject({ changed: false });
  expect(await checkDrift(pool)).toEqual([]);
});
