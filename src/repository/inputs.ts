import * as v from 'valibot';
import { oneOf, optionsOf, trueOrFalse, wholeNumber } from '../options.js';
import { type Host, lengthOf } from '../redemption/host.js';
import { codeCursor, useCursor } from './cursor.js';
import {
  amountField,
  dateField,
  endField,
  INDEXED_NAME,
  idField,
  LONGEST_NAME,
  limitField,
  textField,
} from './fields.js';

/** How many requests one call of `redeemMany` takes: one statement, one transaction, one lock per code until its end. */
const REDEEM_BATCH_LIMIT = 10_000;
/** How many codes one call of `generate` makes. */
const GENERATE_LIMIT = 1_000_000;
/** A hold of more than a year is no hold. */
const LONGEST_HOLD_SECONDS = 366 * 24 * 60 * 60;
const LARGEST_PAGE = 10_000;

const TOTAL = ['promo_code_uses', 'total_reward'] as const;
const IN_TOTAL = { alsoIn: [TOTAL] };
const COUNTED = { alsoIn: [TOTAL, ['promo_codes', 'total_bonus_issued'] as const] };

function redeemEntries(host: Host | undefined) {
  return {
    code: textField(undefined, 'promo_codes', 'code', { ...INDEXED_NAME, isCode: true }),
    shopId: textField(host, 'promo_codes', 'shop_id', { ...INDEXED_NAME, isLookUp: true }),
    customerAddress: textField(host, 'promo_code_uses', 'customer_address', { max: LONGEST_NAME, trim: true }),
    baseReward: amountField(host, 'promo_code_uses', 'base_reward', IN_TOTAL),
    bonusAmount: v.optional(amountField(host, 'promo_code_uses', 'bonus_amount', COUNTED)),
    transactionId: v.optional(textField(host, 'promo_code_uses', 'transaction_id', { max: LONGEST_NAME })),
    idempotencyKey: v.optional(textField(host, 'promo_codes', '', INDEXED_NAME)),
  };
}

function templateEntries(host: Host | undefined) {
  return {
    shopId: textField(host, 'promo_codes', 'shop_id', INDEXED_NAME),
    name: v.optional(v.nullable(textField(host, 'promo_codes', 'name', { mayBeEmpty: true })), null),
    description: v.optional(v.nullable(textField(host, 'promo_codes', 'description', { mayBeEmpty: true })), null),
    bonusType: v.optional(oneOf(['fixed', 'percentage']), 'fixed'),
    bonusValue: amountField(host, 'promo_codes', 'bonus_value', { min: 'positive' }),
    maxBonus: v.optional(v.nullable(amountField(host, 'promo_codes', 'max_bonus', { min: 'positive' })), null),
    startDate: v.optional(dateField),
    endDate: v.optional(endField),
    totalUsageLimit: v.optional(limitField, null),
    perCustomerLimit: v.optional(limitField, 1),
    isActive: v.optional(trueOrFalse, true),
  };
}

/** Everything that callers hand in, against the columns of the host where these are known. */
export function inputSchemas(host: Host | undefined) {
  const redeem = optionsOf(redeemEntries(host));
  const code = textField(host, 'promo_codes', 'code', { ...INDEXED_NAME, isCode: true });
  const template = templateEntries(host);
  return {
    /** The width of the column. */
    longestCode: host && lengthOf(host.typeOf('promo_codes', 'code')),
    redeem,
    redeemMany: v.pipe(
      v.array(redeem, 'must be an array of redemptions'),
      v.maxLength(REDEEM_BATCH_LIMIT, `must hold at most ${REDEEM_BATCH_LIMIT} redemptions`),
    ),
    reserve: optionsOf({ ...redeemEntries(host), ttlSeconds: wholeNumber(1, LONGEST_HOLD_SECONDS) }),
    validate: optionsOf({
      code: redeem.entries.code,
      shopId: redeem.entries.shopId,
      customerAddress: redeem.entries.customerAddress,
      baseReward: v.optional(redeem.entries.baseReward),
      bonusAmount: redeem.entries.bonusAmount,
    }),
    create: optionsOf({ code, ...template }),
    generate: optionsOf({
      ...template,
      count: wholeNumber(1, GENERATE_LIMIT),
      pattern: v.optional(textField(undefined, 'promo_codes', 'code', { ...INDEXED_NAME, isCode: true })),
      prefix: v.optional(textField(undefined, 'promo_codes', 'code', { ...INDEXED_NAME, mayBeEmpty: true }), ''),
    }),
    patch: optionsOf({
      name: v.optional(v.nullable(textField(host, 'promo_codes', 'name', { mayBeEmpty: true }))),
      description: v.optional(v.nullable(textField(host, 'promo_codes', 'description', { mayBeEmpty: true }))),
      bonusType: v.optional(oneOf(['fixed', 'percentage'])),
      bonusValue: v.optional(amountField(host, 'promo_codes', 'bonus_value', { min: 'positive' })),
      maxBonus: v.optional(v.nullable(amountField(host, 'promo_codes', 'max_bonus', { min: 'positive' }))),
      startDate: v.optional(dateField),
      endDate: v.optional(endField),
      totalUsageLimit: v.optional(limitField),
      perCustomerLimit: v.optional(limitField),
      isActive: v.optional(trueOrFalse),
    }),
    amend: optionsOf({
      baseReward: v.optional(amountField(host, 'promo_code_uses', 'base_reward', IN_TOTAL)),
      bonusAmount: v.optional(amountField(host, 'promo_code_uses', 'bonus_amount', COUNTED)),
      transactionId: v.optional(
        v.nullable(textField(host, 'promo_code_uses', 'transaction_id', { max: LONGEST_NAME })),
      ),
    }),
    confirm: optionsOf({
      transactionId: v.optional(textField(host, 'promo_code_uses', 'transaction_id', { max: LONGEST_NAME })),
    }),
    findByCode: optionsOf({ code: redeem.entries.code, shopId: redeem.entries.shopId }),
    byId: optionsOf({ id: idField }),
    list: optionsOf({
      shopId: v.optional(redeem.entries.shopId),
      activeOnly: v.optional(trueOrFalse, false),
      limit,
      cursor: codeCursor,
    }),
    usesByCustomer: optionsOf({
      customerAddress: textField(host, 'promo_code_uses', 'customer_address', {
        max: LONGEST_NAME,
        trim: true,
        isLookUp: true,
      }),
      limit,
      cursor: useCursor,
    }),
    usesByCode: optionsOf({ promoCodeId: idField, limit, cursor: useCursor }),
    stats: optionsOf({
      promoCodeId: idField,
      days: v.optional(wholeNumber(1, 3_660), 30),
      timeZone: v.optional(v.pipe(v.string('must be a string'), v.check(isTimeZone, TIME_ZONE_RULE)), 'UTC'),
    }),
    release: optionsOf({ limit: v.optional(wholeNumber(1, LARGEST_PAGE), 1_000) }),
    prune: optionsOf({
      olderThanDays: wholeNumber(0, 36_500),
      limit: v.optional(wholeNumber(1, 1_000_000), 10_000),
    }),
  };
}

const limit = v.optional(wholeNumber(1, LARGEST_PAGE), 50);

const TIME_ZONE_RULE = 'must be UTC, GMT, or a time zone of the IANA database with a region, such as Europe/Vienna';

/** A name without a region, such as CET, is an abbreviation for PostgreSQL: the same time in summer and winter. */
function isTimeZone(name: string): boolean {
  if (!name.includes('/') && !/^(?:UTC|GMT)$/i.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export type InputSchemas = ReturnType<typeof inputSchemas>;
