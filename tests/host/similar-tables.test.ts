import { beforeEach, describe, expect, it } from 'vitest';
import { hintForMissingTables } from '../../src/host/missing-tables';
import type { HostOptions } from '../../src/host/options';
import { useDatabase } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { COUPON_OPTIONS, COUPONS, check, createTables } from './tables';

const t = useDatabase('similar tables');
const { schema, pool, sql } = t;

/** As Prisma creates them from models. */
const PRISMA = `
  CREATE TABLE :"schema"."PromoCode" ("id" text PRIMARY KEY, "code" text NOT NULL, "shopId" text, "name" text, "bonusType" text,
    "bonusValue" numeric(65,30), "startDate" timestamp(3), "endDate" timestamp(3), "timesUsed" integer NOT NULL DEFAULT 0,
    "totalBonusIssued" numeric(65,30) NOT NULL DEFAULT 0, "isActive" boolean, "createdAt" timestamp(3) DEFAULT CURRENT_TIMESTAMP);
  CREATE TABLE :"schema"."PromoCodeUse" ("id" text PRIMARY KEY, "promoCodeId" text NOT NULL REFERENCES :"schema"."PromoCode",
    "customerAddress" text NOT NULL, "shopId" text, "orderId" text, "bonusAmount" numeric(65,30), "usedAt" timestamp(3));
`;
const DECOYS = `
  CREATE TABLE :"schema".users (id serial PRIMARY KEY, code text, email text);
  CREATE TABLE :"schema".country_codes (code text PRIMARY KEY, name text);
  CREATE TABLE :"schema".discount_rules (id serial PRIMARY KEY, name text, value numeric, is_active boolean);
  CREATE TABLE :"schema".user_causes (id serial PRIMARY KEY, user_id int REFERENCES :"schema".users, amount numeric);
`;

/** The options that a hint says, as a host would paste them. */
function optionsIn(hint: string): HostOptions {
  const [, text] = /describe them: (\{.*\})\.$/.exec(hint) ?? [];
  if (text === undefined) return expect.unreachable(`no description in: ${hint}`);
  return new Function(`return (${text})`)();
}

beforeEach(() => createTables(t));

describe('how tables of other names are described', () => {
  it.each([
    ['coupons', COUPONS],
    ['those of Prisma', PRISMA],
  ])('%s: what the hint says is accepted, and redeems', async (_, tables) => {
    await sql(tables);
    await sql(DECOYS);
    const options = optionsIn(await hintForMissingTables(pool, schema));
    const { faults, notRedeemable } = await check(t, options);
    expect({ faults, notRedeemable }).toEqual({ faults: [], notRedeemable: [] });
  });

  it('coupons: as a person would', async () => {
    await sql(COUPONS);
    const options = optionsIn(await hintForMissingTables(pool, schema));
    expect(options.tables?.codes).toEqual(COUPON_OPTIONS.tables?.codes);
    expect(options.tables?.uses).toEqual(COUPON_OPTIONS.tables?.uses);
  });

  it('names with quotes, and a schema that is another', async () => {
    await sql(`CREATE TABLE :"schema"."Bob's coupons" (id int PRIMARY KEY, "code" text, "uses" int);
               CREATE TABLE :"schema"."coupon \\uses" (id int PRIMARY KEY, coupon_id int, user_id int)`);
    const options = optionsIn(await hintForMissingTables(pool, 'elsewhere'));
    expect(options).toMatchObject({
      schema,
      tables: {
        codes: { name: "Bob's coupons", columns: { timesUsed: 'uses', totalBonusIssued: null } },
        uses: {
          name: 'coupon \\uses',
          columns: { promoCodeId: 'coupon_id', customerAddress: 'user_id', bonusAmount: null },
        },
      },
    });
  });

  it('of one that is missing, only that', async () => {
    await sql(SEED_TABLES);
    await sql('ALTER TABLE :"schema".promo_code_uses RENAME TO redemptions');
    const hint = await hintForMissingTables(pool, schema);
    expect(hint).toContain(`There are tables of similar names: ${schema}.redemptions.`);
    expect(optionsIn(hint)).toEqual({ tables: { uses: { name: 'redemptions' } } });
  });

  it('the pair with a foreign key, of several that would do', async () => {
    await sql(COUPONS);
    await sql(`CREATE TABLE :"schema".a_codes (id int PRIMARY KEY, code text, times_used int, total_discount numeric, usage_limit int);
               CREATE TABLE :"schema".a_usages (id int PRIMARY KEY, code_id int, user_id int, order_id int, discount_amount numeric)`);
    expect(optionsIn(await hintForMissingTables(pool, schema)).tables?.codes?.name).toBe('coupons');
  });
});

describe('what else a hint says', () => {
  it('tables that cannot be counted in are named only', async () => {
    await sql('CREATE TABLE :"schema".coupons (id int); CREATE VIEW :"schema".promo_uses AS SELECT 1 AS id');
    expect(await hintForMissingTables(pool, schema)).toBe(
      ` There are tables of similar names: ${schema}.coupons, ${schema}.promo_uses. The option tables describes tables of other names.`,
    );
  });

  it('the schema in which the tables are', async () => {
    await sql(SEED_TABLES);
    expect(await hintForMissingTables(pool, 'nope')).toBe(
      ` There is no schema nope. Tables of these names are in: ${schema} (option schema).`,
    );
  });

  it('both, where tables of other names are in the schema itself', async () => {
    await sql(COUPONS);
    await sql(
      'CREATE SCHEMA other; CREATE TABLE other.promo_codes (id int); CREATE TABLE other.promo_code_uses (id int)',
    );
    const hint = await hintForMissingTables(pool, schema);
    await sql('DROP SCHEMA other CASCADE');
    expect(hint).toContain('Tables of these names are in: other (option schema).');
    expect(optionsIn(hint).tables?.codes?.name).toBe('coupons');
  });

  it('the same for names that were described', async () => {
    await sql(COUPONS);
    const names = { codes: 'coupons', uses: 'coupon_redemptions' };
    expect(await hintForMissingTables(pool, 'nope', names)).toContain(`Tables of these names are in: ${schema}`);
  });

  it('nothing of tables of the library, of other tables, or in an aborted transaction', async () => {
    await sql(DECOYS);
    await sql('DROP TABLE :"schema".discount_rules; CREATE TABLE :"schema".promo_code_holds (id int PRIMARY KEY)');
    await sql(
      `CREATE TABLE :"schema".promo_settings (id int); COMMENT ON TABLE :"schema".promo_settings IS 'pg-promo-codes: settings'`,
    );
    expect(await hintForMissingTables(pool, schema)).toBe('');
    await sql(COUPONS);
    const client = await t.client();
    await client.query('BEGIN');
    await client.query('SELECT 1/0').catch(() => {});
    expect(await hintForMissingTables(client, schema)).toBe('');
    await client.query('ROLLBACK');
  });
});
