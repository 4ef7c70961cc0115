/** An exact decimal number as text, such as `'12.50'`: amounts never pass through a binary float. */
export type DecimalString = string;

/** A code whose counters differ from its uses, or uses whose code does not exist. */
export interface DriftRecord {
  /** The id of the code, or the id that uses without a code name. */
  promoCodeId: string;
  /** `null` where the uses belong to no code: the host has no foreign key, or it was switched off. */
  code: string | null;
  /** The shop of the code; `null` where there is no code. */
  shopId: string | null;
  /** The counter; `null` where the column holds NULL or there is no code. */
  timesUsed: number | null;
  /** The rows in `promo_code_uses`. */
  actualUses: number;
  /** The counter; `null` where the column holds NULL or there is no code. */
  totalBonusIssued: DecimalString | null;
  /** The sum over the rows; `'NaN'`, `'Infinity'` or `'-Infinity'` where one of them holds such an amount. */
  actualBonus: DecimalString;
}

/** A row of `sql/drift.sql`. */
export interface DriftRow {
  promo_code_id: string;
  code: string | null;
  shop_id: string | null;
  times_used: string | null;
  actual_uses: string;
  total_bonus_issued: string | null;
  actual_bonus: string;
}

/** The columns of a drift query, cast so that no type parser of the host's `pg` touches them. */
export const DRIFT_COLUMNS = [
  'promo_code_id',
  'code',
  'shop_id',
  'times_used',
  'actual_uses',
  'total_bonus_issued',
  'actual_bonus',
]
  .map((column) => `drift.${column}::text AS ${column}`)
  .join(', ');

export function toDriftRecord(row: DriftRow): DriftRecord {
  return {
    promoCodeId: row.promo_code_id,
    code: row.code,
    shopId: row.shop_id,
    timesUsed: row.times_used === null ? null : Number(row.times_used),
    actualUses: Number(row.actual_uses),
    totalBonusIssued: row.total_bonus_issued,
    actualBonus: row.actual_bonus,
  };
}
