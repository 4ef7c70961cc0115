import { beforeEach, expect, it } from 'vitest';
import { describeHost, type HostOptions } from '../../src/host/options';
import { bonusTypeQuery, bonusTypeWarnings, hostWarnings } from '../../src/host/warnings';
import { useRole, useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { COUPON_OPTIONS, COUPONS, createTables, readHost } from './tables';

const t = useSchema('host warnings');
const { schema, pool, sql } = t;
const nobody = useRole({ label: 'nobody' });

beforeEach(() => createTables(t, SEED_TABLES, COUPONS));

async function warnings(host: HostOptions, timeZone: string): Promise<string[]> {
  const client = await t.client();
  await client.query(`SET timezone = '${timeZone}'`);
  const description = describeHost(schema, host);
  return hostWarnings(description, await readHost(client, schema, host));
}

it.each([
  ['UTC', 'UTC'],
  ['UTC', 'Etc/UTC'],
  ['GMT', 'Zulu'],
  ['Asia/Manila', 'asia/manila'],
])('times in %s are those of a session in %s', async (timeZone, session) => {
  expect(await warnings({ timeZone }, session)).toEqual([]);
});

it('columns without zone that the server fills in another time zone than that of the description', async () => {
  const [warning, ...others] = await warnings({ timeZone: 'Asia/Manila' }, 'UTC');
  expect(others).toEqual([]);
  expect(warning).toMatch(
    /^promo_codes\.start_date, promo_codes\.end_date, promo_codes\.created_at, promo_codes\.updated_at, promo_code_uses\.used_at: without time zone/,
  );
  expect(warning).toContain('is UTC here. The library reads and writes Asia/Manila there');
  expect(await warnings({}, 'Asia/Kathmandu')).toHaveLength(1);
});

it('not those with a default in the zone of the description, with a zone, or that are not described', async () => {
  await sql(`ALTER TABLE :"schema".promo_codes ALTER start_date SET DEFAULT (now() AT TIME ZONE 'Asia/Manila'),
    ALTER end_date DROP DEFAULT, ALTER created_at TYPE timestamptz, ADD imported_at timestamp DEFAULT now(),
    ALTER updated_at TYPE date, ALTER updated_at SET DEFAULT CURRENT_DATE`);
  const host = { timeZone: 'Asia/Manila', tables: { uses: { columns: { usedAt: null } } } };
  expect(await warnings(host, 'UTC')).toEqual([expect.stringMatching(/^promo_codes\.updated_at: without/)]);
  expect(await warnings(COUPON_OPTIONS, 'Asia/Manila')).toEqual([]);
});

it.each(['deleted_at', 'isDeleted', 'status', 'refunded', 'cancelledAt', 'rolled_back_at'])(
  'a column %s that looks like a soft delete',
  async (name) => {
    await sql(`ALTER TABLE :"schema".promo_code_uses ADD "${name}" text`);
    expect(await warnings({}, 'UTC')).toEqual([expect.stringContaining(`promo_code_uses.${name} looks as if`)]);
    const declared: HostOptions = { tables: { uses: { rolledBack: { column: name, counts: ['a'], value: 'b' } } } };
    expect(await warnings(declared, 'UTC')).toEqual([]);
  },
);

it('one beside that which is declared', async () => {
  await sql('ALTER TABLE :"schema".coupon_redemptions ADD status text');
  expect(await warnings(COUPON_OPTIONS, 'UTC')).toEqual([expect.stringContaining('Only cancelled_at is declared')]);
});

it('bonus types outside the words of the description', async () => {
  const host: HostOptions = {
    tables: {
      ...COUPON_OPTIONS.tables,
      codes: { ...COUPON_OPTIONS.tables?.codes, bonusTypes: { percentage: ['Rate', '%'] } },
    },
  };
  const description = describeHost(schema, host);
  const query = bonusTypeQuery(description, await readHost(pool, schema, host));
  const found = async () => (await pool.query(query!.text, query!.values)).rows.map(({ type }) => String(type));
  await sql(`INSERT INTO :"schema".coupons (coupon_code, discount_type)
             SELECT 'c', x FROM unnest('{fixed, " FIXED ", rate, "%", NULL}'::text[]) AS x`);
  expect(bonusTypeWarnings(description, await found())).toEqual([]);
  await sql(
    `INSERT INTO :"schema".coupons (coupon_code, discount_type) VALUES ('c', 'percentage'), ('d', 'percentage'), ('e', 'gift')`,
  );
  expect(bonusTypeWarnings(description, await found())).toEqual([
    expect.stringMatching(/^coupons\.discount_type has values other than fixed and Rate and %: 'gift', 'percentage'\./),
  ]);
});

it('are not looked for without a column, or where this role does not see all codes', async () => {
  const without = describeHost(schema, { tables: { codes: { columns: { bonusType: null } } } });
  expect(bonusTypeQuery(without, await readHost(pool, schema))).toBeUndefined();
  const description = describeHost(schema, {});
  const client = await t.client();
  await client.query(`SET ROLE ${nobody.quoted}`);
  expect(bonusTypeQuery(description, await readHost(client, schema))).toBeUndefined();
});
