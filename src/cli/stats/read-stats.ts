import nearLimitSql from '../../../sql/cli/near-limit.sql';
import type { Database } from '../../postgres/database.js';
import { translateError } from '../../postgres/server-errors.js';
import { withConnection } from '../../postgres/transaction.js';
import type { Host } from '../../redemption/host.js';
import { asColumn } from '../../redemption/moments.js';
import type { PromoCode } from '../../repository/promo-code.js';
import {
  type DayOfUsage,
  type Reading,
  type ShopStats,
  shopStats,
  type UsageStats,
  type UsageTotals,
  usageStats,
} from '../../repository/usage-stats.js';
import { findCodes, findOneCode } from '../host-tables.js';

/** Of its limit or budget: from here on a code is near it. */
export const NEAR_PERCENT = 80;
/** How many codes are shown. */
const MOST_USED = 10;

/** Which uses are shown. */
export interface Period {
  days: number;
  timeZone: string;
}

/** How one code has been used. */
export interface CodeStats extends UsageStats {
  promoCode: PromoCode;
  /** The code itself, where it is near its limit or its budget. */
  nearLimit: PromoCode[];
}

/** How all codes have been used, or those of one shop. */
export interface CodesStats extends ShopStats {
  /** Those that have used up most of their limit or their budget, the fullest first. */
  nearLimit: PromoCode[];
}

/** The part of its limit that a code has used up, in percent; `undefined` without a limit. */
export function percentOfLimit({ timesUsed, totalUsageLimit }: PromoCode): number | undefined {
  if (totalUsageLimit === null) return undefined;
  return totalUsageLimit === 0 ? 100 : Math.floor((timesUsed / totalUsageLimit) * 100);
}

/** The part of its budget that a code has paid, in percent; `undefined` without a budget. */
export function percentOfBudget({ totalBonusIssued, maxTotalBonus }: PromoCode): number | undefined {
  if (maxTotalBonus === null) return undefined;
  return Number(maxTotalBonus) === 0 ? 100 : Math.floor((Number(totalBonusIssued) * 100) / Number(maxTotalBonus));
}

/** The greater of the two. */
export function percentUsedUp(code: PromoCode): number | undefined {
  const [ofLimit, ofBudget] = [percentOfLimit(code), percentOfBudget(code)];
  return ofLimit === undefined || ofBudget === undefined ? (ofLimit ?? ofBudget) : Math.max(ofLimit, ofBudget);
}

export async function readCodeStats(
  db: Database,
  host: Host,
  name: string,
  { shop, days, timeZone }: Period & { shop: string | undefined },
): Promise<CodeStats> {
  const promoCode = await findOneCode(db, host, name, shop);
  const stats = await usageStats(readingOf(db, host), { id: promoCode.id, shopId: undefined }, { days, timeZone });
  const isNear = (percentUsedUp(promoCode) ?? 0) >= NEAR_PERCENT;
  return { ...stats, perDay: daysOf(host, stats), promoCode, nearLimit: isNear ? [promoCode] : [] };
}

export async function readShopStats(
  db: Database,
  host: Host,
  shop: string | undefined,
  period: Period,
): Promise<CodesStats> {
  const stats = await shopStats(readingOf(db, host), { shopId: shop, top: MOST_USED, ...period });
  const nearLimit = await findCodes(db, host, nearLimitSql, [stats.shopId, NEAR_PERCENT], {
    now_as_end_date: asColumn(host, 'codes', 'endDate', 'now()'),
  });
  return { ...stats, perDay: daysOf(host, stats), nearLimit };
}

/** What the repository reads statistics by, on tables that it may not be able to redeem with. */
function readingOf(db: Database, host: Host): Reading {
  return {
    host,
    sql: (file) => host.sql(file),
    read: (work) =>
      withConnection(db, work).catch((error: unknown) => {
        throw translateError(error);
      }),
  };
}

/** None where uses have no time. */
function daysOf(host: Host, { perDay }: UsageTotals): DayOfUsage[] {
  return host.has('uses', 'usedAt') ? perDay : [];
}
