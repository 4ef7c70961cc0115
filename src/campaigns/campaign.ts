import type { DecimalString } from '../drift/drift-record.js';
import type { Host } from '../redemption/host.js';
import { toDate } from '../redemption/promo-code-use.js';
import { bonusScale } from '../repository/amount-field.js';
import { type JsonValue, toLimit } from '../repository/promo-code.js';

/** Codes under shared limits: what is counted and limited here are the uses of all codes that are in the campaign now. */
export interface Campaign {
  /** A whole number, as text. */
  id: string;
  /** The shop whose codes can be in it. Empty where the host has no shops. */
  shopId: string;
  /** For people; several campaigns may have the same. */
  name: string;
  /** Whether its codes may be redeemed at all. */
  isActive: boolean;
  /** Its codes can be redeemed from this moment on, inclusive. `null`: from ever. */
  startDate: Date | null;
  /** Its codes can be redeemed up to this moment, inclusive. `null`: for ever. */
  endDate: Date | null;
  /** How many uses all its codes together may have. `null`: no limit. */
  totalUsageLimit: number | null;
  /** How many uses of all its codes together one customer may have. `null`: no limit. */
  perCustomerLimit: number | null;
  /** A budget: what all uses of all its codes together may be paid. `null`: none. */
  maxTotalBonus: DecimalString | null;
  /** Whether a use that would pass the budget is refused, or is paid what is left. */
  budgetOverrun: 'refuse' | 'cap';
  /** The host's own, as it was given. */
  metadata: JsonValue;
  /** The uses of all its codes. Kept by triggers. */
  timesUsed: number;
  /** The bonuses of these uses. Kept by triggers. */
  totalBonusIssued: DecimalString;
  /** By the database's clock. */
  createdAt: Date;
  /** By the database's clock; counting moves it as well. */
  updatedAt: Date;
}

/** A campaign as `campaignColumns` reads it. */
export type CampaignRow = Record<
  | ('id' | 'shopid' | 'name' | 'isactive' | 'startdate' | 'enddate' | 'totalusagelimit' | 'percustomerlimit')
  | ('maxtotalbonus' | 'budgetoverrun' | 'metadata' | 'timesused' | 'totalbonusissued' | 'createdat' | 'updatedat'),
  string | null
>;

/** The columns of a campaign `m`, everything as text, under names that no library which renames columns changes. */
export function campaignColumns(host: Host): string {
  const scale = bonusScale(host);
  const amount = (column: string) => (scale === undefined ? `m.${column}` : `pg_catalog.round(m.${column}, ${scale})`);
  const moment = (column: string) => `extract(epoch FROM m.${column})`;
  const columns: Record<keyof CampaignRow, string> = {
    id: 'm.id',
    shopid: 'm.shop_id',
    name: 'm.name',
    isactive: 'm.is_active',
    startdate: moment('start_date'),
    enddate: moment('end_date'),
    totalusagelimit: 'm.total_usage_limit',
    percustomerlimit: 'm.per_customer_limit',
    maxtotalbonus: amount('max_total_bonus'),
    budgetoverrun: 'm.budget_overrun',
    metadata: 'm.metadata',
    timesused: 'm.times_used',
    totalbonusissued: amount('total_bonus_issued'),
    createdat: moment('created_at'),
    updatedat: moment('updated_at'),
  };
  return Object.entries(columns)
    .map(([name, column]) => `${column}::text AS ${name}`)
    .join(', ');
}

export function toCampaign(row: CampaignRow): Campaign {
  return {
    id: row.id ?? '',
    shopId: row.shopid ?? '',
    name: row.name ?? '',
    isActive: row.isactive === 'true',
    startDate: row.startdate === null ? null : toDate(row.startdate),
    endDate: row.enddate === null ? null : toDate(row.enddate),
    totalUsageLimit: toLimit(row.totalusagelimit),
    perCustomerLimit: toLimit(row.percustomerlimit),
    maxTotalBonus: row.maxtotalbonus,
    budgetOverrun: row.budgetoverrun === 'cap' ? 'cap' : 'refuse',
    metadata: row.metadata === null ? null : JSON.parse(row.metadata),
    timesUsed: Number(row.timesused ?? 0),
    totalBonusIssued: row.totalbonusissued ?? '0',
    createdAt: toDate(row.createdat),
    updatedAt: toDate(row.updatedat),
  };
}
