import campaignsSql from '../../../sql/cli/campaigns.sql';
import nearLimitSql from '../../../sql/cli/near-limit.sql';
import { type Campaign, type CampaignRow, campaignColumns, toCampaign } from '../../campaigns/campaign.js';
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
import { findCodes, findOneCode, runFile } from '../host-tables.js';

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
  /** The campaign that it is in. */
  campaign: Campaign | null;
}

/** How all codes have been used, or those of one shop. */
export interface CodesStats extends ShopStats {
  /** Those that have used up most of their limit or their budget, the fullest first. */
  nearLimit: PromoCode[];
  /** Campaigns that are active and not over, up to 10, the fullest first. */
  campaigns: Campaign[];
}

/** What has a limit and a budget. */
type Limited = Pick<PromoCode, 'timesUsed' | 'totalUsageLimit' | 'totalBonusIssued' | 'maxTotalBonus'>;

/** The part of its limit that a code or a campaign has used up, in percent; `undefined` without a limit. */
export function percentOfLimit({ timesUsed, totalUsageLimit }: Limited): number | undefined {
  if (totalUsageLimit === null) return undefined;
  return totalUsageLimit === 0 ? 100 : Math.floor((timesUsed / totalUsageLimit) * 100);
}

/** The part of its budget that it has paid, in percent; `undefined` without a budget. */
export function percentOfBudget({ totalBonusIssued, maxTotalBonus }: Limited): number | undefined {
  if (maxTotalBonus === null) return undefined;
  return Number(maxTotalBonus) === 0 ? 100 : Math.floor((Number(totalBonusIssued) * 100) / Number(maxTotalBonus));
}

/** The greater of the two. */
export function percentUsedUp(code: Limited): number | undefined {
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
  const { campaignId } = promoCode;
  const [campaign = null] = campaignId === null ? [] : await findCampaigns(db, host, null, campaignId);
  return { ...stats, perDay: daysOf(host, stats), promoCode, nearLimit: isNear ? [promoCode] : [], campaign };
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
  const campaigns = host.readsCampaigns ? await findCampaigns(db, host, stats.shopId, null) : [];
  return { ...stats, perDay: daysOf(host, stats), nearLimit, campaigns };
}

/** @param id of the one that is meant; `null`: those that are active and not over */
async function findCampaigns(db: Database, host: Host, shopId: string | null, id: string | null): Promise<Campaign[]> {
  const rows = await runFile(db, host, campaignsSql, [shopId, id], { campaign_columns: campaignColumns(host) });
  return rows.map((row) => toCampaign(row as CampaignRow));
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
