import type { DecimalString } from '../drift/drift-record.js';
import type { Host } from './host.js';
import { epochOf } from './moments.js';

/** A recorded use of a code. */
export interface PromoCodeUse {
  /** As text, whatever the type of the column. */
  id: string;
  /** The code that was used. */
  promoCodeId: string;
  /** As it is matched: trimmed, in lower case; as it was given, where the installation has `customerMatching: 'exact'`. */
  customerAddress: string;
  /** The shop of the code. Empty where the host has no shops. */
  shopId: string;
  /** The host's own name for the purchase; `null` also where the host has no column for it. */
  transactionId: string | null;
  /** What the customer gets without the code; the scale is that of the column. `'0'` where there is none, as of all amounts. */
  baseReward: DecimalString;
  /** What the code adds; counted in `totalBonusIssued` of its code. */
  bonusAmount: DecimalString;
  /** `baseReward + bonusAmount`, to the cent. */
  totalReward: DecimalString;
  /** When it was recorded, by the database's clock. */
  usedAt: Date;
}

/** A use as it is read, everything as text, under names that no library which renames columns changes. */
export interface UseRow {
  use: string;
  code: string;
  customer: string;
  shop: string;
  transaction: string | null;
  base: string;
  bonus: string | null;
  total: string;
  used: string | null;
}

/** Its columns, of the answer of a function of `sql/`. */
export const USE_ANSWER = 'use_id AS use, code_id AS code, customer, shop, transaction, base, bonus, total, used';

/**
 * The same columns for a statement that reads the table as `u`, under a session of any time zone. The shop is that of the
 * code, where uses have none of their own.
 */
export function useColumns(host: Host): string {
  const shop =
    host.has('codes', 'shopId') && !host.has('uses', 'shopId')
      ? '(SELECT s.:"code_shop_id" FROM :"codes" AS s WHERE s.:"code_id" = u.:"promo_code_id")'
      : 'u.:"use_shop_id"';
  return `u.:"use_id"::text AS use, u.:"promo_code_id"::text AS code, u.:"customer_address"::text AS customer,
    ${shop}::text AS shop, u.:"transaction_id"::text AS transaction, u.:"base_reward"::text AS base,
    u.:"bonus_amount"::text AS bonus, u.:"total_reward"::text AS total, ${epochOf(host, 'uses', 'usedAt')}::text AS used`;
}

export function toPromoCodeUse(row: UseRow): PromoCodeUse {
  return {
    id: row.use,
    promoCodeId: row.code,
    customerAddress: row.customer,
    shopId: row.shop,
    transactionId: row.transaction,
    baseReward: row.base,
    bonusAmount: row.bonus ?? '0',
    totalReward: row.total,
    usedAt: toDate(row.used),
  };
}

/** The outermost moments that a `Date` can hold stand for PostgreSQL's infinities. */
const LATEST = 8.64e15;

/** Reads seconds since 1970, which say the same of a time with a zone and of one without, which is UTC. */
export function toDate(epoch: string | null): Date {
  if (epoch === null || epoch === '-Infinity') return new Date(-LATEST);
  if (epoch === 'Infinity') return new Date(LATEST);
  // Digit by digit: a float of seconds would be a millisecond off now and then.
  const [seconds = '', fraction = ''] = epoch.split('.');
  const milliseconds = Number(fraction.padEnd(3, '0').slice(0, 3));
  const whole = Number(seconds) * 1_000;
  return new Date(seconds.startsWith('-') ? whole - milliseconds : whole + milliseconds);
}
