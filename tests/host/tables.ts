import { type CheckedOptions, checkDescription } from '../../src/host/check-description';
import { type DescriptionFault, faultText } from '../../src/host/fault';
import { describeHost, type HostOptions } from '../../src/host/options';
import { hostCatalogOf, readCatalog } from '../../src/inspect/catalog';
import type { Database } from '../../src/postgres/database';
import type { TestSchema } from '../support';

/** The tables of a shop that calls everything otherwise, with uuid ids. */
export const COUPONS = `
  CREATE TABLE :"schema".coupons (
    coupon_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    coupon_code     text NOT NULL,
    store_id        bigint,
    discount_type   text,
    discount_value  numeric(12,2),
    valid_until     timestamptz,
    usage_limit     integer,
    times_redeemed  bigint NOT NULL DEFAULT 0,
    discount_total  numeric(18,2) NOT NULL DEFAULT 0,
    active          boolean DEFAULT true
  );
  CREATE TABLE :"schema".coupon_redemptions (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    coupon          uuid NOT NULL REFERENCES :"schema".coupons,
    user_id         uuid NOT NULL,
    store_id        bigint,
    order_id        text,
    discount_amount numeric(18,2),
    redeemed_at     timestamptz DEFAULT now(),
    cancelled_at    timestamptz
  );
`;

/** How these are described. */
export const COUPON_OPTIONS: HostOptions = {
  tables: {
    codes: {
      name: 'coupons',
      columns: {
        id: 'coupon_id',
        code: 'coupon_code',
        shopId: 'store_id',
        name: null,
        description: null,
        bonusType: 'discount_type',
        bonusValue: 'discount_value',
        maxBonus: null,
        startDate: null,
        endDate: 'valid_until',
        totalUsageLimit: 'usage_limit',
        perCustomerLimit: null,
        timesUsed: 'times_redeemed',
        totalBonusIssued: 'discount_total',
        isActive: 'active',
        createdAt: null,
        updatedAt: null,
      },
    },
    uses: {
      name: 'coupon_redemptions',
      columns: {
        promoCodeId: 'coupon',
        customerAddress: 'user_id',
        shopId: 'store_id',
        transactionId: 'order_id',
        baseReward: null,
        bonusAmount: 'discount_amount',
        totalReward: null,
        usedAt: 'redeemed_at',
      },
      rolledBack: { column: 'cancelled_at' },
    },
  },
};

/** Creates tables in an empty schema. */
export async function createTables({ sql }: TestSchema, ...statements: string[]): Promise<void> {
  await sql('DROP SCHEMA IF EXISTS :"schema" CASCADE; CREATE SCHEMA :"schema"');
  for (const statement of statements) await sql(statement);
}

/** What the catalogs say of the tables that these options describe. */
export async function readHost(db: Database, schema: string, host: HostOptions = {}) {
  return hostCatalogOf(await readCatalog(db, { schema, ...host }));
}

/** Reads the catalogs and compares a description with them. */
export async function check(
  { pool, schema }: TestSchema,
  host: HostOptions = {},
  options: Partial<CheckedOptions> = {},
) {
  const description = describeHost(schema, host);
  const catalog = await readHost(pool, schema, host);
  const checked = checkDescription(description, catalog, {
    counterWrites: 'ignore',
    enforceLimits: false,
    granularity: 'auto',
    history: false,
    ...options,
  });
  return { description, catalog, ...checked };
}

/** What is said of faults, without the schema, which is another in each run. */
export const textsOf = (schema: string) => (faults: DescriptionFault[]) =>
  faults.map((fault) => faultText(fault).replaceAll(`${schema}.`, ''));

/** Changes of the seed's tables. */
export const codes = (change: string) => `ALTER TABLE :"schema".promo_codes ${change}`;
export const uses = (change: string) => `ALTER TABLE :"schema".promo_code_uses ${change}`;
/** The seed's tables with other names of columns. */
export const columnsOf = (codeColumns: object, useColumns: object = {}): HostOptions => ({
  tables: { codes: { columns: codeColumns }, uses: { columns: useColumns } },
});
/** The seed's tables with a column `status` that is 1, 2 or 3. */
export const status = (fields: object = {}): HostOptions => ({
  tables: { uses: { rolledBack: { column: 'status', counts: ['1', '2'], value: '3', ...fields } } },
});
