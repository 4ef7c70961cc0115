import * as v from 'valibot';
import type { CodeColumn, UseColumn } from '../host/description.js';
import { listOf, oneOf, optionsOf, trueOrFalse, wholeNumber } from '../options.js';
import { type Host, lengthOf } from '../redemption/host.js';
import { amountField } from './amount-field.js';
import { campaignSchemas } from './campaign-inputs.js';
import { CODE_STATES } from './code-state.js';
import { type NewCode, toRow } from './codes.js';
import { CODE_ORDERS, codeCursor, useCursor } from './cursor.js';
import { dateField, endField } from './date-fields.js';
import { campaignIdField, INDEXED_NAME, idField, LONGEST_NAME, limitField, ofColumn, textField } from './fields.js';
import { columnsField, columnsOfCode, missingColumns } from './host-columns.js';
import { metadataField } from './metadata-field.js';

/** How many requests one call of `redeemMany` takes: one statement, one transaction, one lock per code until its end. */
const REDEEM_BATCH_LIMIT = 10_000;
/** How many codes one call of `generate` makes. */
const GENERATE_LIMIT = 1_000_000;
/** A hold of more than a year is no hold. */
const LONGEST_HOLD_SECONDS = 366 * 24 * 60 * 60;
const LARGEST_PAGE = 10_000;
/** What is more is no summary. */
const MOST_TOP_CODES = 1_000;

const TOTAL = ['uses', 'totalReward'] as const;
const IN_TOTAL = { alsoIn: [TOTAL] };
const COUNTED = { alsoIn: [TOTAL, ['codes', 'totalBonusIssued'] as const] };

/** The shops whose codes are in this database, where it is one of several. */
export interface OwnShops {
  /** What a shop that is not one of them must be; nothing for one that is. */
  refusal(shopId: string): string | undefined;
}

/**
 * The shop of a code. What is given to a host without shops is ignored: all its codes are of one shop, which has no name.
 * As long as the host is not known, it may be one of these.
 */
function shopOf(
  host: Host | undefined,
  isLookUp = true,
  shops?: OwnShops,
): v.GenericSchema<string | number | bigint | undefined, string> {
  const hasShops = host?.has('codes', 'shopId') ?? false;
  const any = textField(host, 'codes', 'shopId', { ...INDEXED_NAME, orNumber: true, isLookUp, mayBeNone: !hasShops });
  const shop = shops && (!host || hasShops) ? ownShop(any, shops) : any;
  if (hasShops) return shop;
  return v.optional(
    host
      ? v.pipe(
          shop,
          v.transform(() => ''),
        )
      : shop,
    '',
  );
}

function ownShop(shop: v.GenericSchema<string | number | bigint, string>, shops: OwnShops) {
  return v.pipe(
    shop,
    v.rawCheck(({ dataset, addIssue }) => {
      const message = dataset.typed && dataset.value !== '' ? shops.refusal(dataset.value) : undefined;
      if (message !== undefined) addIssue({ message });
    }),
  );
}

/**
 * The shop that a code or a use must be of. A host without shops cannot keep such a guard, so it is refused there, but for
 * what its codes have as their shop.
 */
function guardOf(host: Host | undefined, shops?: OwnShops): v.GenericSchema<unknown, string | undefined> {
  if (!host || host.has('codes', 'shopId')) return v.optional(shopOf(host, true, shops));
  const rule = `must be left out: ${host.layout.codes.name} has no column for it, so no code is of another shop`;
  return v.optional(
    v.pipe(
      v.unknown(),
      v.check((shopId) => shopId === null || shopId === '', rule),
      v.transform(() => undefined),
    ),
  );
}

function transactionOf(host: Host | undefined) {
  return textField(host, 'uses', 'transactionId', { max: LONGEST_NAME, orNumber: true });
}

/** Where customers are matched exactly, the white space around them is a part of them. */
function customerOf(host: Host | undefined, isLookUp = false) {
  const trim = host?.layout.customerMatching !== 'exact';
  return textField(host, 'uses', 'customerAddress', { max: LONGEST_NAME, trim, orNumber: true, isLookUp });
}

/** A customer whom a code can be bound to: one that a use could have as well. */
function customerOfCode(host: Host | undefined) {
  const ofColumn = textField(host, 'codes', 'customerAddress', { max: LONGEST_NAME });
  return v.pipe(customerOf(host), ofColumn as v.GenericSchema<string, string>);
}

function redeemEntries(host: Host | undefined, shops: OwnShops | undefined) {
  return {
    code: textField(undefined, 'codes', 'code', { ...INDEXED_NAME, isCode: true }),
    shopId: shopOf(host, true, shops),
    customerAddress: customerOf(host),
    baseReward: amountField(host, 'uses', 'baseReward', IN_TOTAL),
    bonusAmount: v.optional(amountField(host, 'uses', 'bonusAmount', COUNTED)),
    transactionId: ofColumn(host, 'uses', 'transactionId', v.optional(transactionOf(host))),
    idempotencyKey: v.optional(textField(host, 'codes', '', INDEXED_NAME)),
    columns: v.optional(columnsField(host, 'uses')),
  };
}

/** The fields of a request that may fill a column of the host. */
interface Completed {
  transactionId?: string | undefined;
  columns?: Record<string, unknown> | undefined;
}

/**
 * A request whose use the host's table takes: columns that it would have to fill are named before anything is sent. As a rule
 * there are none.
 */
function complete<Request extends v.GenericSchema<unknown, Completed>>(
  host: Host | undefined,
  request: Request,
): Request {
  const { column, redeemed } = host?.layout.uses.rolledBack ?? {};
  const written = host ? Object.fromEntries([...host.rolesOf('uses').keys()].map((name) => [name, ''])) : {};
  if (column !== undefined && redeemed !== undefined) written[column] = redeemed;
  const transaction = host?.layout.uses.columns.transactionId ?? undefined;
  const lacks = ({ transactionId, columns }: Completed = {}) =>
    host
      ? missingColumns(host, 'uses', {
          ...columns,
          ...written,
          ...(transaction && { [transaction]: transactionId ?? null }),
        })
      : [];
  if (lacks().length === 0) return request;
  const checked = v.pipe(
    request as v.GenericSchema<unknown, Completed>,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const input = dataset.value as Record<string, unknown>;
      for (const { path, message } of lacks(dataset.value)) {
        addIssue({ message, path: [{ type: 'object', origin: 'value', input, key: path, value: undefined }] });
      }
    }),
  );
  return checked as unknown as Request;
}

/** What is said of a code, each in a column that a host may not have. */
function codeFields(host: Host | undefined) {
  const text = (role: 'name' | 'description') => v.nullable(textField(host, 'codes', role, { mayBeEmpty: true }));
  return {
    name: text('name'),
    description: text('description'),
    bonusType: oneOf(['fixed', 'percentage']),
    bonusValue: amountField(host, 'codes', 'bonusValue', { min: 'positive' }),
    maxBonus: v.nullable(amountField(host, 'codes', 'maxBonus', { min: 'positive' })),
    startDate: dateField,
    endDate: endField,
    totalUsageLimit: limitField,
    perCustomerLimit: limitField,
    maxTotalBonus: v.nullable(amountField(host, 'codes', 'maxTotalBonus')),
    budgetOverrun: oneOf(['refuse', 'cap']),
    minBaseReward: v.nullable(amountField(host, 'codes', 'minBaseReward')),
    customerAddress: v.nullable(customerOfCode(host)),
    metadata: metadataField,
    isActive: trueOrFalse,
    campaignId: v.nullable(campaignIdField),
  };
}

function templateEntries(host: Host | undefined, shops: OwnShops | undefined) {
  const fields = codeFields(host);
  const ofCode = <Field extends v.GenericSchema>(role: CodeColumn, field: Field) =>
    ofColumn(host, 'codes', role, field);
  return {
    shopId: shopOf(host, false, shops),
    name: ofCode('name', v.optional(fields.name, null)),
    description: ofCode('description', v.optional(fields.description, null)),
    bonusType: ofCode('bonusType', v.optional(fields.bonusType, 'fixed')),
    bonusValue: ofCode('bonusValue', fields.bonusValue),
    // Whether a percentage needs its cap is known when the host is.
    maxBonus: ofCode(
      'maxBonus',
      v.pipe(
        v.optional(fields.maxBonus, null),
        v.transform((cap) => (host ? cap : (cap ?? undefined))),
      ),
    ),
    startDate: ofCode('startDate', v.optional(fields.startDate)),
    endDate: ofCode('endDate', v.optional(fields.endDate)),
    totalUsageLimit: ofCode('totalUsageLimit', v.optional(fields.totalUsageLimit, null)),
    perCustomerLimit: ofCode('perCustomerLimit', v.optional(fields.perCustomerLimit, 1)),
    maxTotalBonus: ofCode('maxTotalBonus', v.optional(fields.maxTotalBonus, null)),
    budgetOverrun: ofCode('budgetOverrun', v.optional(fields.budgetOverrun, 'refuse')),
    minBaseReward: ofCode('minBaseReward', v.optional(fields.minBaseReward, null)),
    customerAddress: ofCode('customerAddress', v.optional(fields.customerAddress, null)),
    metadata: ofCode('metadata', v.optional(fields.metadata, null)),
    isActive: ofCode('isActive', v.optional(fields.isActive, true)),
    campaignId: v.optional(fields.campaignId, null),
    columns: v.optional(columnsField(host, 'codes')),
  };
}

function patchEntries(host: Host | undefined) {
  const fields = codeFields(host);
  const ofCode = <Field extends v.GenericSchema>(role: CodeColumn, field: Field) =>
    ofColumn(host, 'codes', role, v.optional(field));
  return {
    name: ofCode('name', fields.name),
    description: ofCode('description', fields.description),
    bonusType: ofCode('bonusType', fields.bonusType),
    bonusValue: ofCode('bonusValue', fields.bonusValue),
    maxBonus: ofCode('maxBonus', fields.maxBonus),
    startDate: ofCode('startDate', fields.startDate),
    endDate: ofCode('endDate', fields.endDate),
    totalUsageLimit: ofCode('totalUsageLimit', fields.totalUsageLimit),
    perCustomerLimit: ofCode('perCustomerLimit', fields.perCustomerLimit),
    maxTotalBonus: ofCode('maxTotalBonus', fields.maxTotalBonus),
    budgetOverrun: ofCode('budgetOverrun', fields.budgetOverrun),
    minBaseReward: ofCode('minBaseReward', fields.minBaseReward),
    customerAddress: ofCode('customerAddress', fields.customerAddress),
    metadata: ofCode('metadata', fields.metadata),
    isActive: ofCode('isActive', fields.isActive),
    campaignId: v.optional(fields.campaignId),
  };
}

function amendEntries(host: Host | undefined) {
  const ofUse = <Field extends v.GenericSchema>(role: UseColumn, field: Field) =>
    ofColumn(host, 'uses', role, v.optional(field));
  return {
    baseReward: ofUse('baseReward', amountField(host, 'uses', 'baseReward', IN_TOTAL)),
    bonusAmount: ofUse('bonusAmount', amountField(host, 'uses', 'bonusAmount', COUNTED)),
    transactionId: ofUse('transactionId', v.nullable(transactionOf(host))),
  };
}

/**
 * Everything that callers hand in, against the columns of the host where these are known.
 * @param shops those that are taken, where not all are
 */
export function inputSchemas(host: Host | undefined, shops?: OwnShops) {
  const entries = redeemEntries(host, shops);
  const redeem = complete(host, optionsOf(entries));
  const code = textField(host, 'codes', 'code', { ...INDEXED_NAME, isCode: true });
  const template = templateEntries(host, shops);
  return {
    /** The columns that a code would need besides, where what is given is right by itself. */
    missingOfCode: (code: NewCode, wrong: ReadonlySet<string>) =>
      host && wrong.size === 0 ? missingColumns(host, 'codes', columnsOfCode(host, toRow(host, code))) : [],
    /** The width of the column. */
    longestCode: host && lengthOf(host.typeOf('codes', 'code')),
    redeem,
    redeemMany: listOf(redeem, REDEEM_BATCH_LIMIT, 'must be an array of redemptions', 'redemptions'),
    reserve: complete(host, optionsOf({ ...entries, ttlSeconds: wholeNumber(1, LONGEST_HOLD_SECONDS) })),
    validate: optionsOf({
      code: entries.code,
      shopId: entries.shopId,
      customerAddress: entries.customerAddress,
      baseReward: v.optional(entries.baseReward),
      bonusAmount: entries.bonusAmount,
    }),
    create: optionsOf({ code, ...template }),
    generate: optionsOf({
      ...template,
      count: v.optional(wholeNumber(1, GENERATE_LIMIT)),
      customers: ofColumn(
        host,
        'codes',
        'customerAddress',
        v.optional(
          v.pipe(
            listOf(customerOfCode(host), GENERATE_LIMIT, 'must be an array of customers', 'customers'),
            v.minLength(1, 'must hold at least one customer'),
          ),
        ),
      ),
      pattern: v.optional(textField(undefined, 'codes', 'code', { ...INDEXED_NAME, isCode: true })),
      prefix: v.optional(textField(undefined, 'codes', 'code', { ...INDEXED_NAME, mayBeEmpty: true }), ''),
    }),
    import: optionsOf({
      defaults: v.optional(v.partial(optionsOf(template)), {}),
      faultyRows: v.optional(oneOf(['refuse', 'skip']), 'refuse'),
    }),
    patch: optionsOf(patchEntries(host)),
    amend: optionsOf(amendEntries(host)),
    confirm: optionsOf({ transactionId: entries.transactionId }),
    findByCode: optionsOf({ code: entries.code, shopId: v.optional(entries.shopId) }),
    useById: optionsOf({ id: idField(host, 'uses') }),
    codeById: optionsOf({ id: idField(host, 'codes') }),
    guard: optionsOf({ shopId: guardOf(host, shops) }),
    list: optionsOf({
      shopId: v.optional(entries.shopId),
      state: v.optional(oneOf(CODE_STATES)),
      search: v.optional(textField(undefined, 'codes', 'code', { max: LONGEST_NAME, trim: true })),
      orderBy: v.optional(oneOf(CODE_ORDERS), 'newest'),
      activeOnly: v.optional(trueOrFalse, false),
      campaignId: v.optional(campaignIdField),
      limit,
      cursor: codeCursor,
    }),
    ...campaignSchemas(host, shopOf(host, false, shops), { shopId: v.optional(entries.shopId), limit }),
    usesByCustomer: optionsOf({
      customerAddress: customerOf(host, true),
      shopId: v.optional(entries.shopId),
      limit,
      cursor: useCursor,
    }),
    usesByCode: optionsOf({ promoCodeId: idField(host, 'codes'), limit, cursor: useCursor }),
    stats: optionsOf({ promoCodeId: idField(host, 'codes'), ...period }),
    shopStats: optionsOf({
      shopId: v.optional(entries.shopId),
      top: v.optional(wholeNumber(0, MOST_TOP_CODES), 10),
      ...period,
    }),
    rollback: optionsOf({ reason: noteField(host), actor: noteField(host) }),
    history: optionsOf({
      promoCodeId: v.optional(idField(host, 'codes')),
      useId: v.optional(idField(host, 'uses')),
      customerAddress: v.optional(customerOf(host, true)),
      after: historyCursor,
      limit,
    }),
    follow: optionsOf({
      after: historyCursor,
      signal: v.optional(v.instance(AbortSignal, 'must be an AbortSignal')),
      patienceMs: v.optional(wholeNumber(1, 2_147_483_647), 600_000),
    }),
    customer: optionsOf({ customerAddress: customerOf(host, true) }),
    replacement: optionsOf({ replacement: customerOfCode(host) }),
    pruneHistory: optionsOf({ before: dateField }),
    release: optionsOf({ limit: v.optional(wholeNumber(1, LARGEST_PAGE), 1_000) }),
    prune: optionsOf({
      olderThanDays: wholeNumber(0, 36_500),
      limit: v.optional(wholeNumber(1, 1_000_000), 10_000),
    }),
  };
}

const limit = v.optional(wholeNumber(1, LARGEST_PAGE), 50);

/** A reason or a name, for the history. */
function noteField(host: Host | undefined) {
  const field = textField(undefined, 'codes', '', { max: LONGEST_NAME });
  const rule = 'must not hold characters that the encoding of the database lacks';
  return v.nullish(
    v.pipe(
      field,
      v.check((text) => host?.canWrite(text) ?? true, rule),
    ),
  );
}

const CURSOR_RULE = 'must be the id of a record of the history, or the nextCursor of an earlier page';

/** The id of a record; the beginning where there is none. */
const historyCursor = v.pipe(
  v.nullish(v.union([v.string(CURSOR_RULE), v.number(CURSOR_RULE), v.bigint(CURSOR_RULE)], CURSOR_RULE), 0),
  v.transform(String),
  v.check((id) => /^\d{1,19}$/.test(id) && BigInt(id) < 2n ** 63n, CURSOR_RULE),
);

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

const period = {
  days: v.optional(wholeNumber(1, 3_660), 30),
  timeZone: v.optional(v.pipe(v.string('must be a string'), v.check(isTimeZone, TIME_ZONE_RULE)), 'UTC'),
};

export type InputSchemas = ReturnType<typeof inputSchemas>;
