import type { PromoCodeUse } from './promo-code-use.js';

/** Why a code was not redeemed. */
export type RefusalReason =
  | 'not_found'
  | 'inactive'
  | 'not_started'
  | 'expired'
  | 'usage_limit_reached'
  | 'customer_limit_reached'
  /** The bonus is more than what is left of the code's budget. */
  | 'budget_exhausted'
  /** The code's campaign is not active, has not begun or is over. */
  | 'campaign_inactive'
  /** The codes of its campaign have been used as often as they may be together. */
  | 'campaign_limit_reached'
  /** The customer has used the codes of its campaign as often as one may. */
  | 'campaign_customer_limit_reached'
  /** The bonus is more than what is left of the budget of its campaign. */
  | 'campaign_budget_exhausted'
  /** `baseReward` is less than the code's `minBaseReward`. */
  | 'below_minimum'
  /** The code is bound to another customer. */
  | 'not_for_customer'
  /** The code's bonus type is neither fixed nor percentage, and no `bonusAmount` was given. */
  | 'unsupported_bonus_type'
  /** The idempotency key belongs to a use that was rolled back, or whose hold ran out. */
  | 'rolled_back';

/** The code was redeemed, or had been by the same key. */
export interface Redeemed {
  /** Tells the two kinds of results apart. */
  ok: true;
  /** The use that was recorded, now or by the earlier call. */
  use: PromoCodeUse;
  /** Whether the use was made by an earlier call with the same idempotency key. */
  replayed: boolean;
  /** While the use is only reserved: until when. */
  expiresAt?: Date;
}

/** The code was not redeemed. A refusal is a value: it does not abort the host's transaction. */
export interface Refused {
  /** Tells the two kinds of results apart. */
  ok: false;
  /** Stable, for programs. */
  reason: RefusalReason;
  /** For people, in English. */
  message: string;
  /** The code that was refused; none where there is no such code, or where that must not be told. */
  promoCodeId?: string;
}

/** What `redeem`, `redeemMany` and `reserve` answer: a union that `ok` tells apart. */
export type RedeemResult = Redeemed | Refused;

const MESSAGES: Record<RefusalReason, string> = {
  not_found: 'There is no such promo code in this shop.',
  inactive: 'This promo code is not active.',
  not_started: 'This promo code is not valid yet.',
  expired: 'This promo code has expired.',
  usage_limit_reached: 'This promo code has been used as often as it may be.',
  customer_limit_reached: 'You have used this promo code as often as you may.',
  budget_exhausted: 'The budget of this promo code is used up.',
  campaign_inactive: 'The campaign of this promo code is not running.',
  campaign_limit_reached: 'The promo codes of this campaign have been used as often as they may be.',
  campaign_customer_limit_reached: 'You have used the promo codes of this campaign as often as you may.',
  campaign_budget_exhausted: 'The budget of the campaign of this promo code is used up.',
  below_minimum: 'This promo code is for larger purchases.',
  not_for_customer: 'This promo code is for somebody else.',
  unsupported_bonus_type: 'This promo code has a bonus type that cannot be computed here.',
  rolled_back: 'This redemption was rolled back.',
};

/** With `uniformRefusals`, what tells a guesser that a code exists looks as if it did not. */
const TELLING: readonly RefusalReason[] = [
  'not_found',
  'inactive',
  'not_started',
  'expired',
  'not_for_customer',
  'campaign_inactive',
];
const UNIFORM_MESSAGE = 'This promo code is not valid.';

export function refusal(reason: RefusalReason, promoCodeId: string | undefined, uniform: boolean): Refused {
  if (uniform && TELLING.includes(reason)) return { ok: false, reason: 'not_found', message: UNIFORM_MESSAGE };
  return { ok: false, reason, message: MESSAGES[reason], ...(promoCodeId !== undefined && { promoCodeId }) };
}

/** Whether a refusal may be that of somebody who tries out codes. */
export function isGuess(reason: RefusalReason): boolean {
  return TELLING.includes(reason);
}
