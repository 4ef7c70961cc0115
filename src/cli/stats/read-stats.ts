import nearLimitSql from '../../../sql/cli/near-limit.sql';
import topCodesSql from '../../../sql/cli/top-codes.sql';
import totalsSql from '../../../sql/cli/totals.sql';
import usesPerDaySql from '../../../sql/cli/uses-per-day.sql';
import type { Database, Queryable } from '../../postgres/database.js';
import { translateError } from '../../postgres/server-errors.js';
import { withConnection } from '../../postgres/transaction.js';
import type { Host } from '../../redemption/host.js';
import { asColumn, momentOf } from '../../redemption/moments.js';
import type { PromoCode } from '../../repository/promo-code.js';
import { type DayOfUsage, type Reading, type UsageStats, usageStats } from '../../repository/usage-stats.js';
import { findCodes, findOneCode, runFile } from '../host-tables.js';

/** Of its limit or budget: from here on a code is near it. */
export const NEAR_PERCENT = 80;

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
export interface ShopStats {
  /** `null`: all shops. */
  shopId: string | null;
  codes: number;
  activeCodes: number;
  /** As the counters have it. */
  totalUses: number;
  totalBonus: string;
  timeZone: string;
  /** Without gaps; empty where uses have no time. */
  perDay: DayOfUsage[];
  /** Those with the most uses. */
  topCodes: PromoCode[];
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
  const call: Reading = {
    host,
    sql: (file) => host.sql(file),
    read: (work) =>
      withConnection(db, work).catch((error: unknown) => {
        throw translateError(error);
      }),
  };
  const stats = await usageStats(call, promoCode.id, days, timeZone);
  const isNear = (percentUsedUp(promoCode) ?? 0) >= NEAR_PERCENT;
  const perDay = host.has('uses', 'usedAt') ? stats.perDay : [];
  return { ...stats, perDay, promoCode, nearLimit: isNear ? [promoCode] : [] };
}

export async function readShopStats(
  db: Queryable,
  host: Host,
  shop: string | undefined,
  { days, timeZone }: Period,
): Promise<ShopStats> {
  const ofShop = shop !== undefined && host.has('codes', 'shopId') ? shop : null;
  const [totals] = await runFile(db, host, totalsSql, [ofShop]);
  const perDay = host.has('uses', 'usedAt')
    ? await runFile(db, host, usesPerDaySql, [ofShop, days, timeZone], { used_at: momentOf(host, 'uses', 'usedAt') })
    : [];
  return {
    shopId: ofShop,
    codes: Number(totals?.codes),
    activeCodes: Number(totals?.active),
    totalUses: Number(totals?.uses),
    totalBonus: totals?.bonus ?? '0.00',
    timeZone,
    perDay: perDay.map(({ date, uses, bonus }) => ({ date: date!, uses: Number(uses), bonus: bonus! })),
    topCodes: await findCodes(db, host, topCodesSql, [ofShop]),
    nearLimit: await findCodes(db, host, nearLimitSql, [ofShop, NEAR_PERCENT], {
      now_as_end_date: asColumn(host, 'codes', 'endDate', 'now()'),
    }),
  };
}
