/** An exact decimal number as text, such as `'12.50'`: amounts never pass through a binary float. */
export type DecimalString = string;

/** What the records of codes and of campaigns have in common. */
interface Difference {
  /** The counter; `null` where the column holds NULL or there is no code. */
  timesUsed: number | null;
  /** The rows in `promo_code_uses`. */
  actualUses: number;
  /** The counter; `null` where the column holds NULL or there is no code. */
  totalBonusIssued: DecimalString | null;
  /** The sum over the rows; `'NaN'`, `'Infinity'` or `'-Infinity'` where one of them holds such an amount. */
  actualBonus: DecimalString;
}

/** A code whose counters differ from its uses, or uses whose code does not exist. */
export interface CodeDrift extends Difference {
  /** Tells the two kinds of records apart. */
  kind: 'code';
  /** The id of the code, or the id that uses without a code name. */
  promoCodeId: string;
  /** Only a record of a campaign has one. */
  campaignId?: never;
  /** `null` where the uses belong to no code: the host has no foreign key, or it was switched off. */
  code: string | null;
  /** The shop of the code; `null` where there is no code. */
  shopId: string | null;
}

/** A campaign whose counters differ from the uses of the codes that are in it. */
export interface CampaignDrift extends Difference {
  /** Tells the two kinds of records apart. */
  kind: 'campaign';
  /** It is not about a code. */
  promoCodeId: null;
  /** The id of the campaign. */
  campaignId: string;
  /** It is not about a code. */
  code: null;
  /** The shop of the campaign. */
  shopId: string;
}

/** Counters that differ from the rows; `kind` says whose. */
export type DriftRecord = CodeDrift | CampaignDrift;

/** A row of a drift query, as it is read. */
export interface DriftRow {
  kind: 'code' | 'campaign';
  id: string | null;
  campaign: string | null;
  code: string | null;
  shop: string | null;
  used: string | null;
  uses: string;
  issued: string | null;
  bonus: string;
}

/**
 * The columns of a drift query, cast so that no type parser of the host's `pg` touches them, under names that no library
 * which renames columns changes.
 */
export const DRIFT_COLUMNS = `drift.kind, drift.promo_code_id::text AS id, drift.campaign_id::text AS campaign, drift.code,
  drift.shop_id AS shop, drift.times_used::text AS used, drift.actual_uses::text AS uses,
  drift.total_bonus_issued::text AS issued, drift.actual_bonus::text AS bonus`;

/** The id of the code or of the campaign that a record is of. */
export function idOf(record: DriftRecord): string {
  return record.kind === 'campaign' ? record.campaignId : record.promoCodeId;
}

export function toDriftRecord(row: DriftRow): DriftRecord {
  const difference = {
    timesUsed: row.used === null ? null : Number(row.used),
    actualUses: Number(row.uses),
    totalBonusIssued: row.issued,
    actualBonus: row.bonus,
  };
  return row.kind === 'campaign'
    ? {
        kind: 'campaign',
        promoCodeId: null,
        campaignId: row.campaign!,
        code: null,
        shopId: row.shop!,
        ...difference,
      }
    : {
        kind: 'code',
        promoCodeId: row.id!,
        code: row.code,
        shopId: row.shop,
        ...difference,
      };
}
