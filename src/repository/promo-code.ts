import type { DecimalString } from '../drift/drift-record.js';
import { placeholderOf } from '../host/layout.js';
import { withRules } from '../host/rules.js';
import { foldWord } from '../host/structure.js';
import type { Host } from '../redemption/host.js';
import { epochOf } from '../redemption/moments.js';
import { toDate } from '../redemption/promo-code-use.js';

/** What JSON can say. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** A promo code as the table holds it. */
export interface PromoCode {
  /** As text, whatever the type of the column. */
  id: string;
  /** As it was given, without outer spaces. */
  code: string;
  /** Codes are unique within a shop. Empty where the host has no shops. */
  shopId: string;
  /** For people. */
  name: string | null;
  /** For people. */
  description: string | null;
  /** What `bonusValue` means. A type of the host's own is given as it stands there. */
  bonusType: 'fixed' | 'percentage' | (string & {});
  /** An amount, or for a percentage the percent. */
  bonusValue: DecimalString;
  /** The cap of a percentage; a fixed bonus needs none. */
  maxBonus: DecimalString | null;
  /** Valid from this moment on, inclusive. */
  startDate: Date;
  /** Valid up to this moment, inclusive. A code without an end has the latest moment that a `Date` can hold. */
  endDate: Date;
  /** `null`: no limit. */
  totalUsageLimit: number | null;
  /** `null`: no limit. */
  perCustomerLimit: number | null;
  /** A budget: what all uses together may be paid. `null`: none. */
  maxTotalBonus: DecimalString | null;
  /** Whether a use that would pass the budget is refused, or is paid what is left. */
  budgetOverrun: 'refuse' | 'cap';
  /** The least `baseReward` that the code can be redeemed for. `null`: any. */
  minBaseReward: DecimalString | null;
  /** The one customer who can redeem it, as customers are matched. `null`: everybody. */
  customerAddress: string | null;
  /** The host's own, as it was given. */
  metadata: JsonValue;
  /** The campaign that it is in. `null`: none; also for a role that may redeem nothing, and so may not know. */
  campaignId: string | null;
  /** Kept by triggers. */
  timesUsed: number;
  /** Kept by triggers. */
  totalBonusIssued: DecimalString;
  /** Whether it may be redeemed at all. */
  isActive: boolean;
  /** By the database's clock. */
  createdAt: Date;
  /** By the database's clock; counting moves it as well. */
  updatedAt: Date;
}

const FIELDS = [
  ...([
    'id',
    'code',
    'shopId',
    'name',
    'description',
    'bonusType',
    'bonusValue',
    'maxBonus',
    'totalUsageLimit',
  ] as const),
  ...(['perCustomerLimit', 'maxTotalBonus', 'budgetOverrun', 'minBaseReward', 'customerAddress', 'metadata'] as const),
  ...(['timesUsed', 'totalBonusIssued', 'isActive'] as const),
] as const;
const TIMES = ['startDate', 'endDate', 'createdAt', 'updatedAt'] as const;

const COLUMNS = new WeakMap<Host, string>();

/**
 * Every column as text, so that no type parser of the host's `pg` and no setting of the session touches it; under a name that
 * no library which renames columns changes.
 */
export function codeColumns(host: Host): string {
  const known = COLUMNS.get(host);
  if (known !== undefined) return known;
  const columns = [
    ...FIELDS.map((role) => `(${READ[role] ?? `c.:"${placeholderOf('codes', role)}"`})::text AS ${nameOf(role)}`),
    ...TIMES.map((role) => `${epochOf(host, 'codes', role)}::text AS ${nameOf(role)}`),
    `(${host.readsCampaigns ? CAMPAIGN : 'NULL'})::text AS campaignid`,
  ].join(', ');
  COLUMNS.set(host, columns);
  return columns;
}

const CAMPAIGN = `SELECT k.campaign_id FROM :"library".promo_code_campaign_codes AS k WHERE k.promo_code_id = c.:"code_id"`;

/** One word in lower case. */
function nameOf(role: string): string {
  return role.toLowerCase();
}

/** What stands in the rows where a host has no counter of its own. */
const READ: Partial<Record<(typeof FIELDS)[number], string>> = {
  timesUsed: withRules(':uses_counted(c)'),
  totalBonusIssued: withRules(':bonus_counted(c)'),
};

/** A code as `codeColumns` reads it. */
export type CodeRow = Record<
  | ('id' | 'code' | 'shopid' | 'name' | 'description' | 'bonustype' | 'bonusvalue' | 'maxbonus' | 'totalusagelimit')
  | ('percustomerlimit' | 'maxtotalbonus' | 'budgetoverrun' | 'minbasereward' | 'customeraddress' | 'metadata')
  | ('timesused' | 'totalbonusissued' | 'isactive' | 'campaignid')
  | ('startdate' | 'enddate' | 'createdat' | 'updatedat'),
  string | null
>;

export function toPromoCode(host: Host, row: CodeRow): PromoCode {
  return {
    id: row.id ?? '',
    code: row.code ?? '',
    shopId: row.shopid ?? '',
    name: row.name,
    description: row.description,
    bonusType: bonusTypeOf(host, row.bonustype),
    bonusValue: row.bonusvalue ?? '0',
    maxBonus: row.maxbonus,
    startDate: toDate(row.startdate ?? '-Infinity'),
    endDate: toDate(row.enddate ?? 'Infinity'),
    totalUsageLimit: toLimit(row.totalusagelimit),
    perCustomerLimit: toLimit(row.percustomerlimit),
    maxTotalBonus: row.maxtotalbonus,
    budgetOverrun: row.budgetoverrun === 'cap' ? 'cap' : 'refuse',
    minBaseReward: row.minbasereward,
    customerAddress: row.customeraddress,
    metadata: row.metadata === null ? null : JSON.parse(row.metadata),
    campaignId: row.campaignid,
    timesUsed: Number(row.timesused ?? 0),
    totalBonusIssued: row.totalbonusissued ?? '0',
    isActive: row.isactive === 'true',
    createdAt: toDate(row.createdat),
    updatedAt: toDate(row.updatedat),
  };
}

/** The host's own words for the two types of bonus are what they stand for; another one is given as it is. */
function bonusTypeOf({ layout: { codes } }: Host, word: string | null): string {
  if (word === null) return 'fixed';
  const is = (words: string[]) => words.some((other) => foldWord(other) === foldWord(word));
  return is(codes.bonusTypes.percentage) ? 'percentage' : is(codes.bonusTypes.fixed) ? 'fixed' : word;
}

export function toLimit(text: string | null): number | null {
  return text === null ? null : Number(text);
}
