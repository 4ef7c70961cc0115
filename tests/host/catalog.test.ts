import { beforeEach, describe, expect, it } from 'vitest';
import { columnOf } from '../../src/host/catalog';
import { hintForMissingTables } from '../../src/host/missing-tables';
import { describeHost } from '../../src/host/options';
import { readInstalledHost } from '../../src/host/read-host';
import { decimalsOfTotal, typesOf } from '../../src/host/types';
import { installTriggers } from '../../src/index';
import { readCatalog } from '../../src/inspect/catalog';
import { useDatabase, useRole } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { isIncluded } from '../support/scope';
import { COUPON_OPTIONS, COUPONS, createTables, readHost } from './tables';

const t = useDatabase('host catalog');
const { schema, pool, sql } = t;
const nobody = useRole({ label: 'nobody' });
const seed = describeHost(schema, {});
const read = () => readHost(pool, schema);

describe('what is read', () => {
  beforeEach(() => createTables(t, SEED_TABLES));

  it('of each column its type, what is below a domain, and what it gets by itself', async () => {
    await sql(`CREATE DOMAIN :"schema".amount AS numeric(18,3) NOT NULL;
      CREATE DOMAIN :"schema".discount AS :"schema".amount DEFAULT 0;
      CREATE TYPE :"schema".kind AS ENUM ('b', 'a');
      ALTER TABLE :"schema".promo_codes ALTER total_bonus_issued TYPE :"schema".discount, ALTER id DROP DEFAULT,
        ALTER id ADD GENERATED ALWAYS AS IDENTITY, DROP bonus_type, ADD bonus_type :"schema".kind,
        ALTER created_at SET DEFAULT (now() AT TIME ZONE 'UTC'), ALTER updated_at SET DEFAULT clock_timestamp(),
        ALTER start_date SET DEFAULT '2020-01-01', ADD twice int GENERATED ALWAYS AS (times_used * 2) STORED`);
    const { tables } = await read();
    const column = (name: string) => tables.codes?.columns.find((candidate) => candidate.name === name);
    expect(column('total_bonus_issued')).toMatchObject({
      baseType: 'numeric',
      width: 'numeric(18,3)',
      notNull: true,
      hasDefault: true,
    });
    expect(column('id')).toMatchObject({
      type: 'integer',
      notNull: true,
      hasDefault: true,
      identity: 'a',
      generated: '',
    });
    expect(column('code')).toMatchObject({
      type: 'character varying(20)',
      baseType: 'character varying',
      hasDefault: false,
    });
    expect(column('bonus_type')).toMatchObject({ enumLabels: ['b', 'a'], notNull: false });
    expect(column('twice')).toMatchObject({ generated: 's', hasDefault: true, defaultsToNow: false });
    const now = tables.codes?.columns.filter(({ defaultsToNow }) => defaultsToNow).map(({ name }) => name);
    // The end is now() + interval '30 days'.
    expect(now).toEqual(['end_date', 'updated_at']);
    expect(tables.uses?.columns.filter(({ defaultsToNow }) => defaultsToNow).map(({ name }) => name)).toEqual([
      'used_at',
    ]);
    expect(tables.codes).toMatchObject({
      kind: 'r',
      hasChildren: false,
      isChild: false,
      filledByTriggers: false,
      uniqueColumns: ['id'],
    });
    expect(decimalsOfTotal(seed, { ...(await read()) })).toBe(3);
  });

  it('columns that were dropped are gone, and quote_all_identifiers changes nothing', async () => {
    // An expression is quoted as the session has it; what is read of it is the constant.
    const plain = ({ tables, ...catalog }: Awaited<ReturnType<typeof read>>) => ({
      ...catalog,
      tables: JSON.parse(JSON.stringify(tables).replaceAll('\\"', '')),
    });
    const before = await read();
    await sql('ALTER TABLE :"schema".promo_code_uses ADD gone int; ALTER TABLE :"schema".promo_code_uses DROP gone');
    const client = await t.client();
    await client.query('SET quote_all_identifiers = on');
    expect(plain(await readHost(client, schema))).toEqual(plain(before));
  });

  it('by a role without any right, while the tables are locked', async () => {
    const owner = await t.client();
    await owner.query(t.expand('BEGIN; LOCK TABLE :"schema".promo_codes, :"schema".promo_code_uses'));
    const client = await t.client();
    await client.query(`SET ROLE ${nobody.quoted}; SET lock_timeout = 100`);
    const { tables } = await readHost(client, schema);
    await owner.query('ROLLBACK');
    expect(tables.codes).toMatchObject({ kind: 'r', mayRead: false });
    expect(tables.codes?.columns).toHaveLength(17);
  });

  it('of a table that is not there, nothing', async () => {
    await sql('DROP TABLE :"schema".promo_code_uses');
    const { hasSchema, tables } = await read();
    expect({ hasSchema, tables: Object.keys(tables) }).toEqual({ hasSchema: true, tables: ['codes'] });
    expect(await readHost(pool, 'no such schema')).toMatchObject({ hasSchema: false, tables: {} });
  });
});

describe('the types of ids', () => {
  it.each<[type: string, taken: string, example: string]>([
    ['smallint', 'bigint', '7'],
    ['integer', 'bigint', '7'],
    ['bigint', 'bigint', '7'],
    ['uuid', 'uuid', '6f1c0f8e-3a55-4c0e-9d5e-1b1f0b6a0c11'],
    ['text', 'text', 'a b'],
    ['varchar(36)', 'text', 'a b'],
    ['char(12)', 'bpchar', 'a b'],
  ])('%s is taken as %s, and the index of the column serves', async (type, taken, example) => {
    await createTables(
      t,
      `CREATE TABLE :"schema".promo_codes (id ${type} PRIMARY KEY, times_used int);
       CREATE TABLE :"schema".promo_code_uses (id ${type} PRIMARY KEY, promo_code_id ${type})`,
    );
    const types = typesOf(seed, await read());
    expect(types).toMatchObject({ codeId: taken, useId: taken });
    // As a statement reads the column.
    const id = types.casts?.code_id ? `c.id::${types.casts.code_id}` : 'c.id';
    const client = await t.client();
    await client.query('SET enable_seqscan = off');
    await client.query(t.expand('INSERT INTO :"schema".promo_codes VALUES ($1, 3)'), [example]);
    for (const condition of [
      `${id} = $1::text::${taken}`,
      `${id} = ANY (ARRAY[$1::text]::${taken}[])`,
      `${id} > $1::text::${taken} OR ${id} = $1::text::${taken}`,
    ]) {
      const query = t.expand(
        `SELECT c.id::text AS id FROM :"schema".promo_codes AS c WHERE ${condition} ORDER BY c.id`,
      );
      expect((await client.query(query, [example])).rows).toEqual([{ id: example }]);
      const plan = await client.query(`EXPLAIN ${query.replaceAll('$1', `'${example}'`)}`);
      const text = plan.rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(text).toMatch(/promo_codes_pkey/);
      if (!condition.includes(' OR ')) expect(text).toMatch(/Index Cond/);
    }
  });

  it('of whole numbers of two sizes it is the largest there is, so that a reference to no code is no error', async () => {
    await createTables(
      t,
      `CREATE TABLE :"schema".promo_codes (id integer PRIMARY KEY);
       CREATE TABLE :"schema".promo_code_uses (id smallint, promo_code_id bigint)`,
    );
    expect(typesOf(seed, await read())).toEqual({ codeId: 'bigint', useId: 'bigint' });
  });

  it('of a domain it is the type below, and without ids of uses nothing is cast', async () => {
    await createTables(
      t,
      `CREATE DOMAIN :"schema".key AS varchar(36);
       CREATE TABLE :"schema".promo_codes (id :"schema".key PRIMARY KEY);
       CREATE TABLE :"schema".promo_code_uses (promo_code_id :"schema".key)`,
    );
    expect(typesOf(seed, await read())).toEqual({
      codeId: 'text',
      useId: 'bigint',
      casts: { code_id: 'text', promo_code_id: 'text' },
    });
    const catalog = await read();
    expect(columnOf(seed, catalog, 'uses', 'id')).toBeUndefined();
  });
});

/** Types of what the statements compare, and of literals. */
const TYPES = [
  ...[
    'text',
    'name',
    'oid',
    'int2',
    'int4',
    'int8',
    '"char"',
    'bool',
    'varchar',
    'regclass',
    'regproc',
    'pg_node_tree',
  ],
  ...['int2vector', 'oidvector', 'regnamespace', 'regprocedure', 'regtype', 'aclitem[]', 'bpchar', 'numeric'],
];
const OPERATORS = [
  '=',
  '<>',
  '<',
  '<=',
  '>',
  '>=',
  '||',
  '~',
  '!~',
  '~*',
  '!~*',
  '~~',
  '!~~',
  '&',
  '|',
  '+',
  '-',
  '*',
  '/',
  '%',
];

it.runIf(isIncluded('the search for operators of others'))(
  'no operator of somebody else is used: each fits exactly in pg_catalog',
  { timeout: 120_000 },
  async () => {
    await createTables(t, COUPONS);
    await installTriggers(pool, { schema, ...COUPON_OPTIONS, grantTo: [nobody.role] });
    await sql('CREATE SCHEMA traps');
    await sql(`
    DO $do$
    DECLARE
      l text; r text; op text;
    BEGIN
      FOREACH l IN ARRAY ARRAY[${TYPES.map((type) => `'${type}'`).join(', ')}] LOOP
        FOREACH r IN ARRAY ARRAY[${TYPES.map((type) => `'${type}'`).join(', ')}] LOOP
          EXECUTE format('CREATE FUNCTION traps.trap(%s, %s) RETURNS boolean LANGUAGE plpgsql AS %L', l, r,
            'BEGIN RAISE EXCEPTION ''trap of % and %'', pg_typeof($1), pg_typeof($2); END');
          FOREACH op IN ARRAY ARRAY[${OPERATORS.map((operator) => `'${operator}'`).join(', ')}] LOOP
            CONTINUE WHEN EXISTS (
              SELECT FROM pg_operator AS o WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname = op
                 AND o.oprleft = l::regtype AND o.oprright = r::regtype);
            EXECUTE format('CREATE OPERATOR traps.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = traps.trap)', op, l, r);
          END LOOP;
        END LOOP;
      END LOOP;
    END $do$`);
    const client = await t.client();
    await client.query('SET search_path = traps');
    // The traps are on the path, and one of them is caught.
    await expect(client.query(`SELECT 'a'::name = 'a'::varchar`)).rejects.toThrow(/trap of name and/);
    const asked = { schema, ...COUPON_OPTIONS, timeZone: 'Asia/Manila' };
    const catalog = await readCatalog(client, asked);
    expect(catalog.knowsTimeZone).toBe(true);
    expect(catalog.tables.codes?.columns).toHaveLength(10);
    const { layout } = await readInstalledHost(client, { schema });
    expect(layout.codes.columns.id).toBe('coupon_id');
    // The hint is empty where its statement failed.
    expect(await hintForMissingTables(client, schema)).toContain(`name: 'coupons'`);
  },
);
