import type { Amount } from './amount-field.js';
import type { CodeState } from './code-state.js';
import type { CodeOrder } from './cursor.js';
import type { Id } from './fields.js';
import type { ColumnValues } from './host-columns.js';

/** What `redeem` takes. */
export interface RedeemInput {
  /** Compared without case, invisible characters and outer white space. */
  code: string;
  /** The shop that the code belongs to. A host without shops leaves it out; what is given there is ignored. */
  shopId?: Id | undefined;
  /** Compared without case and outer spaces; as it is, where the installation has `customerMatching: 'exact'`. */
  customerAddress: Id;
  /** What the customer gets without the code; the base of a percentage. */
  baseReward: Amount;
  /**
   * The bonus, for a host that computes it by its own rules. It is recorded as it is: not rounded, and not bounded by the
   * `maxBonus` of the code. Without it the server computes the bonus from the code.
   */
  bonusAmount?: Amount | undefined;
  /** The host's own name for the purchase. A host that has no column for it must leave it out. */
  transactionId?: Id | undefined;
  /** The same key in the same shop gives the same use, however often it is sent. */
  idempotencyKey?: string | undefined;
  /**
   * Further columns of the host's table of uses, by their names: `{ order_id: 7 }`. A column that is NOT NULL without a
   * default has to be given.
   */
  columns?: Record<string, unknown> | undefined;
}

/** What `validate` takes. */
export interface ValidateInput {
  /** Compared without case, invisible characters and outer white space. */
  code: string;
  /** The shop that the code belongs to. A host without shops leaves it out; what is given there is ignored. */
  shopId?: Id | undefined;
  /** Compared without case and outer spaces; as it is, where the installation has `customerMatching: 'exact'`. */
  customerAddress: Id;
  /** For the bonus of a percentage. */
  baseReward?: Amount | undefined;
  /** The bonus that `redeem` is going to be given. */
  bonusAmount?: Amount | undefined;
}

/**
 * What all codes of a `generate` have in common, and `create` takes as well. A field that the host has no column for must be
 * left out, or `null`.
 */
export interface CodeTemplate {
  /** Codes are unique within a shop. A host without shops leaves it out; what is given there is ignored. */
  shopId?: Id | undefined;
  /** For people. */
  name?: string | null | undefined;
  /** For people. */
  description?: string | null | undefined;
  /** Default: `'fixed'`. A percentage is at most 100 and needs `maxBonus`. */
  bonusType?: 'fixed' | 'percentage' | undefined;
  /** An amount, or for a percentage the percent. `null` only for a host that has no column for it. */
  bonusValue: Amount | null;
  /** The cap of a percentage. */
  maxBonus?: Amount | null | undefined;
  /** Inclusive: a `Date`, or an ISO 8601 string with an offset. Default: now, by the database's clock. */
  startDate?: Date | string | undefined;
  /** Inclusive. Default: `null`, no end; the `endDate` of a code without an end says the same. */
  endDate?: Date | string | null | undefined;
  /** Default: `null`, no limit. */
  totalUsageLimit?: number | null | undefined;
  /** Default: 1. `null`: no limit. */
  perCustomerLimit?: number | null | undefined;
  /** A budget: what all uses together may be paid. Default: `null`, none. */
  maxTotalBonus?: Amount | null | undefined;
  /**
   * What becomes of a use that would pass the budget: it is refused (`'refuse'`, the default), or is paid what is left
   * (`'cap'`), and refused where nothing is.
   */
  budgetOverrun?: 'refuse' | 'cap' | undefined;
  /** The least `baseReward` that the code can be redeemed for. Default: `null`, any. */
  minBaseReward?: Amount | null | undefined;
  /** The one customer who can redeem it, compared as those of uses are. Default: `null`, everybody. */
  customerAddress?: Id | null | undefined;
  /** Whatever the host wants to keep with it, as JSON: up to 100,000 characters. Default: `null`. */
  metadata?: unknown;
  /** Default: `true`. */
  isActive?: boolean | undefined;
  /** A campaign of the same shop that it is in. Default: `null`, none. */
  campaignId?: Id | null | undefined;
  /** Further columns of the host's table, by name: `{ tenant_id: 7 }`. */
  columns?: ColumnValues | undefined;
}

/** What `create` takes. */
export interface CreateInput extends CodeTemplate {
  /** Unique in its shop, compared without case and outer spaces. */
  code: string;
}

/** What `generate` takes. */
export interface GenerateInput extends CodeTemplate {
  /** How many codes, up to 1,000,000. May be left out with `customers`. */
  count?: number | undefined;
  /** Makes one code for each of these customers, in their order, which nobody else can redeem. */
  customers?: readonly Id[] | undefined;
  /** `*` is any character, `@` a letter, `#` a digit, the rest stands for itself. Default: `****-****-****`. */
  pattern?: string | undefined;
  /** Stands before each code, as it is. */
  prefix?: string | undefined;
}

/** How `import` reads its rows. */
export interface ImportInput {
  /** What a row has where it says nothing: `{ shopId: 'shop-1' }`. */
  defaults?: { [Field in keyof CodeTemplate]?: CodeTemplate[Field] | undefined } | undefined;
  /**
   * What is done where a row is faulty. `'refuse'` writes nothing at all: every row is checked before the first is written,
   * and kept in memory until then (about half a kB each), up to 1,000,000 rows. `'skip'` leaves faulty rows out, and writes
   * the others as they come, however many. Default: `'refuse'`.
   */
  faultyRows?: 'refuse' | 'skip' | undefined;
}

/** What `update` takes: code, shop and counters cannot be changed, nor what the host has no column for. */
export type UpdateInput = {
  [Field in Exclude<keyof CodeTemplate, 'shopId' | 'columns'>]?: CodeTemplate[Field] | undefined;
};

/** What `amendUse` takes. A field that the host has no column for must be left out, or `null`. */
export interface AmendInput {
  /** The new base; the bonus is not computed anew. */
  baseReward?: Amount | undefined;
  /** The new bonus. */
  bonusAmount?: Amount | undefined;
  /** The new name for the purchase; `null` takes it away. */
  transactionId?: Id | null | undefined;
}

/** Which days `usageStats` shows. */
export interface StatsInput {
  /** How many days, up to today, 1 to 3,660. Default: 30. */
  days?: number | undefined;
  /** Whose days: `UTC`, or a time zone of the IANA database with a region, such as `Europe/Vienna`. Default: `UTC`. */
  timeZone?: string | undefined;
}

/** What `shopStats` takes. */
export interface ShopStatsInput extends StatsInput {
  /** Only codes of this shop. Default: all codes. */
  shopId?: Id | undefined;
  /** How many of the codes that were used most, 0 to 1,000. Default: 10. */
  top?: number | undefined;
}

/** What `rollbackUse` notes in the history. */
export interface RollbackDetails {
  /** Why the use is taken back, up to 500 characters. */
  reason?: string | null | undefined;
  /** Who takes it back, in the host's own words, up to 500 characters. */
  actor?: string | null | undefined;
}

/** What `history` takes: all that is given has to fit. */
export interface HistoryInput {
  /** Only records of this code, moves from it included. */
  promoCodeId?: Id | undefined;
  /** Only records of this use. */
  useId?: Id | undefined;
  /** Only records of this customer. */
  customerAddress?: Id | undefined;
  /** The `nextCursor` of the page before, or the `id` of a record: the page begins behind it. */
  after?: Id | null | undefined;
  /** Records on a page. Default: 50. */
  limit?: number | undefined;
}

/** What `followHistory` takes. */
export interface FollowHistoryInput {
  /** The `id` of the last record that was dealt with. Default: from the beginning. */
  after?: Id | null | undefined;
  /** Ends the loop when it is aborted. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for which the server may be out of reach before that is an error. Default: 600,000. */
  patienceMs?: number | undefined;
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
  /** Only codes of this shop. */
  shopId?: Id | undefined;
  /** Only codes in this state, by the database's clock. */
  state?: CodeState | undefined;
  /** Only codes whose code or name holds this text, whatever the case. `%` and `_` are characters like any other. */
  search?: string | undefined;
  /** Default: `'newest'`. */
  orderBy?: CodeOrder | undefined;
  /** Only codes that are active; whether their dates fit is not looked at. */
  activeOnly?: boolean | undefined;
  /** Only codes that are in this campaign. */
  campaignId?: Id | undefined;
}

/** What `campaigns.create` takes. */
export interface CampaignInput {
  /** Only codes of this shop can be in it. A host without shops leaves it out; what is given there is ignored. */
  shopId?: Id | undefined;
  /** For people, up to 500 characters. */
  name: string;
  /** Whether its codes may be redeemed at all. Default: `true`. */
  isActive?: boolean | undefined;
  /** Inclusive: a `Date`, or an ISO 8601 string with an offset. Default: `null`, from ever. */
  startDate?: Date | string | null | undefined;
  /** Inclusive. Default: `null`, for ever. */
  endDate?: Date | string | null | undefined;
  /** Uses of all its codes together. Default: `null`, no limit. */
  totalUsageLimit?: number | null | undefined;
  /** Uses of one customer, of all its codes together. Default: `null`, no limit. */
  perCustomerLimit?: number | null | undefined;
  /** A budget: what all uses of all its codes together may be paid, no finer than a bonus is. Default: `null`, none. */
  maxTotalBonus?: Amount | null | undefined;
  /**
   * What becomes of a use that would pass the budget: it is refused (`'refuse'`, the default), or is paid what is left
   * (`'cap'`), and refused where nothing is.
   */
  budgetOverrun?: 'refuse' | 'cap' | undefined;
  /** Whatever the host wants to keep with it, as JSON: up to 100,000 characters. Default: `null`. */
  metadata?: unknown;
}

/** What `campaigns.update` takes: the shop and the counters cannot be changed. */
export type CampaignPatch = {
  [Field in Exclude<keyof CampaignInput, 'shopId'>]?: CampaignInput[Field] | undefined;
};

/** What `campaigns.list` takes. */
export interface CampaignListInput extends PageInput {
  /** Only campaigns of this shop. */
  shopId?: Id | undefined;
  /** Only campaigns in this state, by the database's clock: as that of a code, by the dates and limits of the campaign alone. */
  state?: CodeState | undefined;
  /** Only campaigns whose name holds this text, whatever the case. `%` and `_` are characters like any other. */
  search?: string | undefined;
}

/** What `campaigns.addCodes` does with codes that are in another campaign. */
export interface AddCodesInput {
  /** Whether they are moved from there, with their uses; otherwise they are refused. Default: `false`. */
  move?: boolean | undefined;
}

/** What `usesByCustomer` takes. */
export interface CustomerUsesInput extends PageInput {
  /** Only uses of codes of this shop. */
  shopId?: Id | undefined;
}
