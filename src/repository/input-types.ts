import type { Amount } from './fields.js';

/** What `redeem` takes. */
export interface RedeemInput {
  /** Compared without case and outer spaces. */
  code: string;
  shopId: string;
  /** Compared without case and outer spaces. */
  customerAddress: string;
  /** What the customer gets without the code; the base of a percentage. */
  baseReward: Amount;
  /** The host's own name for the purchase. */
  transactionId?: string | undefined;
  /** The same key in the same shop gives the same use, however often it is sent. */
  idempotencyKey?: string | undefined;
}

/** What `validate` takes. */
export interface ValidateInput {
  code: string;
  shopId: string;
  customerAddress: string;
  /** For the bonus of a percentage. */
  baseReward?: Amount | undefined;
}

/** What all codes of a `generate` have in common, and `create` takes as well. */
export interface CodeTemplate {
  shopId: string;
  name?: string | null | undefined;
  description?: string | null | undefined;
  /** Default: `'fixed'`. A percentage is at most 100 and needs `maxBonus`. */
  bonusType?: 'fixed' | 'percentage' | undefined;
  /** An amount, or for a percentage the percent. */
  bonusValue: Amount;
  maxBonus?: Amount | null | undefined;
  /** Inclusive. Default: now, by the database's clock. */
  startDate?: Date | undefined;
  /** Inclusive. Default: no end. */
  endDate?: Date | undefined;
  /** Default: `null`, no limit. */
  totalUsageLimit?: number | null | undefined;
  /** Default: 1. `null`: no limit. */
  perCustomerLimit?: number | null | undefined;
  /** Default: `true`. */
  isActive?: boolean | undefined;
}

/** What `create` takes. */
export interface CreateInput extends CodeTemplate {
  code: string;
}

/** What `generate` takes. */
export interface GenerateInput extends CodeTemplate {
  /** How many codes, up to 1,000,000. */
  count: number;
  /** `*` is any sign, `@` a letter, `#` a digit, the rest stands for itself. Default: `****-****-****`. */
  pattern?: string | undefined;
  prefix?: string | undefined;
}

/** What `update` takes: code, shop and counters cannot be changed. */
export type UpdateInput = Partial<Omit<CodeTemplate, 'shopId'>>;

/** What `amendUse` takes. */
export interface AmendInput {
  baseReward?: Amount | undefined;
  bonusAmount?: Amount | undefined;
  transactionId?: string | null | undefined;
}

/** Which page of a list. */
export interface PageInput {
  /** Items on a page. Default: 50. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | null | undefined;
}

/** What `list` takes. */
export interface ListInput extends PageInput {
  shopId?: string | undefined;
  /** Only codes that are active; whether their dates fit is not looked at. */
  activeOnly?: boolean | undefined;
}
