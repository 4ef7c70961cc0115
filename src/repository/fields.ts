import * as v from 'valibot';
import { toCodeName } from '../redemption/code-name.js';
import { identityKind, inType } from '../redemption/column-types.js';
import { type Host, lengthOf, widthOf } from '../redemption/host.js';

/** Amounts go in as any of these; a number is read by its shortest decimal form. */
export type Amount = string | number | bigint;
/** Ids go in as any of these. */
export type Id = string | number | bigint;

type Table = 'promo_codes' | 'promo_code_uses';

const LARGEST_BIGINT = 2n ** 63n - 1n;
const ID_RULE = `must be a whole number from 0 to ${LARGEST_BIGINT}, as a string, number or bigint`;

export const idField = v.pipe(
  v.union([v.string(ID_RULE), v.number(ID_RULE), v.bigint(ID_RULE)], ID_RULE),
  v.check((value) => {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) return false;
    return /^\d{1,19}$/.test(String(value)) && BigInt(value) <= LARGEST_BIGINT;
  }, ID_RULE),
  v.transform(String),
);

const PLAIN_DECIMAL = /^\+?(\d+)(?:\.(\d*))?$|^\+?\.(\d+)$/;
/** PostgreSQL's own limit for digits before the point is far above this; it only bounds what is sent. */
const LONGEST_AMOUNT = 1_000;

/**
 * An amount for a column: a plain decimal number that is not negative and that the column holds without rounding, and those
 * in `alsoIn`, which it goes into as well. As long as the columns are not known, only what every column asks for is checked.
 */
export function amountField(
  host: Host | undefined,
  table: Table,
  column: string,
  options: { min?: 'positive'; max?: number; alsoIn?: readonly (readonly [Table, string])[] } = {},
) {
  // A domain rounds what it takes in.
  const isDomain = host !== undefined && host.typeOf(table, column) !== host.baseTypeOf(table, column);
  const places = [[table, column] as const, ...(isDomain ? [] : (options.alsoIn ?? []))];
  const widths = host ? places.flatMap((place) => widthOf(host.typeOf(...place)) ?? []) : [];
  const width =
    widths.length === 0
      ? undefined
      : {
          whole: Math.min(...widths.map(({ whole }) => whole)),
          scale: Math.min(...widths.map(({ scale }) => scale)),
        };
  const rule = amountRule(width, options);
  return v.pipe(
    v.union([v.string(rule), v.number(rule), v.bigint(rule)], rule),
    v.transform((value) => toPlainDecimal(value)),
    v.check((text) => text !== undefined && fits(text, width, options), rule),
    v.transform((text) => text ?? ''),
  );
}

function amountRule(width: ReturnType<typeof widthOf>, { min, max }: { min?: 'positive'; max?: number }): string {
  const least = min === 'positive' ? 'above 0' : 'not below 0';
  const most = max === undefined ? '' : ` and not above ${max}`;
  const digits = width
    ? `, with at most ${width.whole} digits before the decimal point and ${width.scale} after it (the width of the column)`
    : '';
  return `must be a plain decimal number ${least}${most}${digits}`;
}

/** Without sign, leading or trailing zeros; nothing for what is no plain decimal number. */
function toPlainDecimal(value: Amount): string | undefined {
  const text = typeof value === 'string' ? value.trim() : String(value);
  if (text.length > LONGEST_AMOUNT) return undefined;
  const [, whole, fraction, bare] = PLAIN_DECIMAL.exec(text) ?? [];
  if (whole === undefined && bare === undefined) return undefined;
  const digits = (whole ?? '').replace(/^0+/, '') || '0';
  const places = (fraction ?? bare ?? '').replace(/0+$/, '');
  return places ? `${digits}.${places}` : digits;
}

function fits(
  text: string,
  width: ReturnType<typeof widthOf>,
  { min, max }: { min?: 'positive'; max?: number },
): boolean {
  const [whole = '', fraction = ''] = text.split('.');
  if (min === 'positive' && text === '0') return false;
  if (max !== undefined && (Number(whole) > max || (Number(whole) === max && fraction !== ''))) return false;
  return width === undefined || ((whole === '0' ? 0 : whole.length) <= width.whole && fraction.length <= width.scale);
}

/** Enough for any name or note; the columns of a host may hold less, and are then the limit. */
const LONGEST_TEXT = 10_000;

/**
 * A text for a column. It must hold more than spaces, unless it may be empty; `trim` takes off what surrounds it, `isCode`
 * makes a code's name of it. What is measured is what is sent. A value that is only looked for (`isLookUp`) may be one that the
 * column could not hold; one of another type than the column's is refused all the same.
 */
export function textField(
  host: Host | undefined,
  table: Table,
  column: string,
  options: {
    max?: number;
    maxBytes?: number;
    mayBeEmpty?: boolean;
    trim?: boolean;
    isCode?: boolean;
    isLookUp?: boolean;
  } = {},
) {
  const stored = options.isLookUp ? undefined : host;
  const ofColumn = stored && lengthOf(stored.typeOf(table, column));
  const type = host?.baseTypeOf(table, column) ?? '';
  const isText = (identityKind(type) ?? 'text') === 'text';
  const max = Math.min(options.max ?? LONGEST_TEXT, ofColumn ?? LONGEST_TEXT);
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  const rule = [
    `must be a string of ${options.mayBeEmpty ? 0 : 1} to ${max} characters`,
    ...(options.maxBytes === undefined ? [] : [`(at most ${maxBytes} bytes as UTF-8)`]),
    'without NUL and lone surrogates',
    ...(options.mayBeEmpty ? [] : ['that is not blank']),
  ].join(', ');
  return v.pipe(
    v.string(rule),
    v.transform((text) => (options.isCode ? toCodeName(text) : options.trim ? text.trim() : text)),
    v.check((text) => isStorable(text) && isWithin(text, max, maxBytes), rule),
    v.check((text) => Boolean(options.mayBeEmpty) || text.trim() !== '', rule),
    v.check(
      (text) => isText || inType(type, text) !== undefined,
      `must be a value of the type ${type} (of the column)`,
    ),
    v.transform((text) => (isText ? text : (inType(type, text) ?? text))),
    v.check(
      (text) => stored === undefined || stored.canWrite(text),
      'must not hold characters that the encoding of the database lacks',
    ),
  );
}

/** PostgreSQL takes neither; node-postgres would send something else in the place of half a pair. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** A character is one or two units of a string, each up to three bytes: only what is near the limit has to be counted. */
function isWithin(text: string, max: number, maxBytes: number): boolean {
  const fewEnough = text.length <= max || (text.length <= 2 * max && [...text].length <= max);
  return fewEnough && (3 * text.length <= maxBytes || Buffer.byteLength(text) <= maxBytes);
}

/** Longer codes, addresses and keys are mistakes. */
export const LONGEST_NAME = 500;
/**
 * What is part of an index with a second text: an entry holds up to 2,704 bytes, and some signs become three
 * times as long by `upper`.
 */
export const INDEXED_NAME = { max: LONGEST_NAME, maxBytes: 512 };

/** Between years that PostgreSQL and `Date` both write with four digits. */
const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');
const DATE_RULE = 'must be a valid Date between the years 1 and 9999';

export const dateField = v.pipe(v.date(DATE_RULE), v.check(isWritable, DATE_RULE));

function isWritable(date: Date): boolean {
  return date.getTime() >= FIRST && date.getTime() <= LAST;
}

/** What a code without an end has in place of its end. */
const NO_END = 8.64e15;
const END_RULE = `${DATE_RULE}, or null for no end`;

/** A date, or no end: `null`, or what a code without an end has. */
export const endField = v.nullable(
  v.pipe(
    v.date(END_RULE),
    v.check((date) => date.getTime() === NO_END || isWritable(date), END_RULE),
  ),
);

/** As PostgreSQL reads it. Times are written as UTC, which columns without time zone hold. */
export function toTimestamp(date: Date | null): string {
  return date === null || date.getTime() === NO_END ? 'infinity' : date.toISOString();
}

const LARGEST_INT = 2_147_483_647;
const LIMIT_RULE = `must be a whole number from 1 to ${LARGEST_INT}, or null for no limit`;

export const limitField = v.nullable(
  v.pipe(v.number(LIMIT_RULE), v.integer(LIMIT_RULE), v.minValue(1, LIMIT_RULE), v.maxValue(LARGEST_INT, LIMIT_RULE)),
);
