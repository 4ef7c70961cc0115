import * as v from 'valibot';
import { type Host, type HostTable, type Role, widthOf } from '../redemption/host.js';

/** Amounts go in as any of these; a number is read by its shortest decimal form, without float noise. */
export type Amount = string | number | bigint;

type Width = ReturnType<typeof widthOf>;

const PLAIN_DECIMAL = /^\+?(\d+)(?:\.(\d*))?$|^\+?\.(\d+)$/;
/** PostgreSQL's own limit for digits before the point is far above this; it only bounds what is sent. */
const LONGEST_AMOUNT = 1_000;
const LARGEST_BIGINT = 10n ** BigInt(LONGEST_AMOUNT);

/**
 * An amount for a column: a plain decimal number that is not negative and that the column holds without rounding, and those
 * in `alsoIn`, which it goes into as well. As long as the columns are not known, only what every column asks for is checked.
 */
export function amountField(
  host: Host | undefined,
  table: HostTable,
  column: Role,
  { min, alsoIn = [] }: { min?: 'positive'; alsoIn?: readonly (readonly [HostTable, Role])[] } = {},
) {
  const width = widthOfAll(host, [table, column], alsoIn);
  const digits = width
    ? `, with at most ${width.whole} digits before the decimal point and ${width.scale} after it (the width of the column)`
    : '';
  return amountWithin(width, digits, min);
}

/** A sum of bonuses, as large as it may become: it is no finer than a bonus of the host. */
export function bonusSumField(host: Host | undefined) {
  const scale = host && bonusScale(host);
  if (scale === undefined) return amountWithin(undefined, '');
  return amountWithin(
    { whole: LONGEST_AMOUNT, scale },
    `, with at most ${scale} digits after the decimal point (as a bonus has)`,
  );
}

/** How many digits a bonus has after the point, where its column says so. */
export function bonusScale(host: Host): number | undefined {
  const scale = widthOf(host.baseTypeOf('uses', 'bonusAmount'))?.scale;
  return scale === undefined ? undefined : Math.max(0, scale);
}

function amountWithin(width: Width, digits: string, min?: 'positive') {
  const rule = `must be a plain decimal number ${min === 'positive' ? 'above 0' : 'not below 0'}${digits}`;
  return v.pipe(
    v.custom<Amount>((value) => ['string', 'number', 'bigint'].includes(typeof value), rule),
    v.transform((value) => toPlainDecimal(value, width?.scale)),
    v.check((text) => text !== undefined && !(min === 'positive' && text === '0') && fits(text, width), rule),
    v.transform((text) => text ?? ''),
  );
}

function widthOfAll(
  host: Host | undefined,
  own: readonly [HostTable, Role],
  alsoIn: readonly (readonly [HostTable, Role])[],
): Width {
  if (!host) return undefined;
  // A domain rounds what it takes in.
  const isDomain = host.typeOf(...own) !== host.baseTypeOf(...own);
  const widths = [own, ...(isDomain ? [] : alsoIn)].flatMap((place) => widthOf(host.typeOf(...place)) ?? []);
  if (widths.length === 0) return undefined;
  return {
    whole: Math.min(...widths.map(({ whole }) => whole)),
    scale: Math.min(...widths.map(({ scale }) => scale)),
  };
}

/** Without leading or trailing zeros; nothing for what is no plain decimal number. Its length is looked at first. */
function toPlainDecimal(value: Amount, scale: number | undefined): string | undefined {
  if (typeof value === 'number') return trimmed(withoutNoise(value, scale));
  if (typeof value === 'string') return value.length > LONGEST_AMOUNT ? undefined : trimmed(value.trim());
  return value < 0n || value >= LARGEST_BIGINT ? undefined : String(value);
}

function trimmed(text: string): string | undefined {
  const [, before, after, bare] = PLAIN_DECIMAL.exec(text) ?? [];
  if (before === undefined && bare === undefined) return undefined;
  const whole = before ?? '';
  const fraction = after ?? bare ?? '';
  let first = 0;
  while (first < whole.length - 1 && whole[first] === '0') first += 1;
  let last = fraction.length;
  while (last > 0 && fraction[last - 1] === '0') last -= 1;
  const digits = whole.slice(first) || '0';
  return last > 0 ? `${digits}.${fraction.slice(0, last)}` : digits;
}

/**
 * Two or three roundings of a double move it by no more than this many units in its last place. Every decimal of up to 15
 * significant digits that is not in a column itself is farther from all that are in it.
 */
const NOISE_ULPS = 3;
/** Where a column has no scale, noise is what follows after the zeros or nines behind so many digits. */
const DIGITS_WITHOUT_SCALE = 12;
/** `toFixed` knows no more. */
const MOST_PLACES = 100;

/** The decimal that is meant by a number: the one of the column's scale where that is within the noise, or its shortest form. */
function withoutNoise(value: number, scale: number | undefined): string {
  const exact = expanded(String(value));
  const places = exact.split('.')[1]?.length ?? 0;
  if (value < 0 || places === 0 || places <= (scale ?? 0) || (scale ?? 0) > MOST_PLACES) return exact;
  const meant =
    scale === undefined
      ? expanded(String(Number(value.toPrecision(DIGITS_WITHOUT_SCALE))))
      : value.toFixed(Math.max(0, scale));
  const isNoise = Number(meant) > 0 && Math.abs(value - Number(meant)) <= NOISE_ULPS * ulpOf(value);
  return isNoise ? meant : exact;
}

const bits = new DataView(new ArrayBuffer(8));

/** The distance to the next double. */
function ulpOf(value: number): number {
  bits.setFloat64(0, value);
  const exponent = (bits.getUint32(0) >>> 20) & 0x7ff;
  return 2 ** (Math.max(exponent, 1) - 1_075);
}

/** `1.5e-7` as `0.00000015`. */
function expanded(text: string): string {
  const [mantissa = '', exponent] = text.split('e');
  if (exponent === undefined) return text;
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  return point >= digits.length ? digits.padEnd(point, '0') : `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** A scale may be negative (rounded to hundreds) and larger than the precision (only behind so many zeros). */
function fits(text: string, width: Width): boolean {
  if (width === undefined || text === '0') return true;
  const [whole = '', fraction = ''] = text.split('.');
  const before = whole === '0' ? 0 : whole.length;
  if (before > Math.max(0, width.whole) || fraction.length > Math.max(0, width.scale)) return false;
  if (width.scale < 0 && !whole.endsWith('0'.repeat(-width.scale))) return false;
  return width.whole >= 0 || fraction.startsWith('0'.repeat(-width.whole));
}
