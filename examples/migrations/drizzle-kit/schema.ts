import { sql } from 'drizzle-orm';
import { bigint, boolean, index, integer, numeric, pgTable, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';

export const promoCodes = pgTable(
  'promo_codes',
  {
    id: bigint({ mode: 'bigint' }).primaryKey().generatedByDefaultAsIdentity(),
    code: text().notNull(),
    shopId: text('shop_id').notNull(),
    name: text(),
    description: text(),
    bonusType: text('bonus_type').notNull().default('fixed'),
    bonusValue: numeric('bonus_value', { precision: 18, scale: 2 }).notNull(),
    maxBonus: numeric('max_bonus', { precision: 18, scale: 2 }),
    startDate: timestamp('start_date', { withTimezone: true }).notNull().defaultNow(),
    endDate: timestamp('end_date', { withTimezone: true }).notNull(),
    totalUsageLimit: integer('total_usage_limit'),
    perCustomerLimit: integer('per_customer_limit').default(1),
    timesUsed: integer('times_used').notNull().default(0),
    totalBonusIssued: numeric('total_bonus_issued', { precision: 18, scale: 2 }).notNull().default('0'),
    isActive: boolean('is_active').notNull().default(true),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  // Indexes that redeeming is fast by. Where they are declared, the library builds none, and `drizzle-kit push` finds them in order
  // when all of their columns are written as SQL.
  () => [uniqueIndex('promo_codes_shop_code_idx').on(sql`shop_id`, sql`upper(code)`)],
);

export const promoCodeUses = pgTable(
  'promo_code_uses',
  {
    id: bigint({ mode: 'bigint' }).primaryKey().generatedByDefaultAsIdentity(),
    promoCodeId: bigint('promo_code_id', { mode: 'bigint' })
      .notNull()
      .references(() => promoCodes.id, { onDelete: 'cascade' }),
    customerAddress: text('customer_address').notNull(),
    shopId: text('shop_id').notNull(),
    transactionId: text('transaction_id'),
    baseReward: numeric('base_reward', { precision: 18, scale: 2 }).notNull().default('0'),
    bonusAmount: numeric('bonus_amount', { precision: 18, scale: 2 }).notNull().default('0'),
    totalReward: numeric('total_reward', { precision: 18, scale: 2 }).notNull().default('0'),
    usedAt: timestamp('used_at', { withTimezone: true }).notNull().defaultNow(),
  },
  () => [index('promo_code_uses_code_customer_idx').on(sql`promo_code_id`, sql`lower(btrim(customer_address))`)],
);
