import * as v from 'valibot';
import { idType } from '../host/ids.js';
import { toCodeName } from '../redemption/code-name.js';
import { identityKind, inType } from '../redemption/column-types.js';
import { type Host, type HostTable, lengthOf, type Role } from '../redemption/host.js';

/** Ids go in as any of these. */
export type Id = string | number | bigint;

/** As long as the type of an id is not known, it may be one of any type. */
const ANY_ID = {
  rule: 'must be an id: a string of 1 to 1000 characters without NUL and lone surrogates, a whole number or a bigint',
  read: idType('text').read,
};

/** An id of a code or of a use. */
export function idField(host: Host | undefined, table: HostTable) {
  return idOf(host ? idType(host.layout.types[table === 'codes' ? 'codeId' : 'useId']) : ANY_ID);
}

function idOf({ rule, read }: typeof ANY_ID) {
  return v.pipe(
    v.union([v.string(rule), v.number(rule), v.bigint(rule)], rule),
    v.check((value) => typeof value !== 'number' || Number.isSafeInteger(value), rule),
    v.rawTransform(({ dataset, addIssue, NEVER }): string => {
      const id = read(String(dataset.value));
      if (id !== undefined) return id;
      addIssue({ message: rule });
      return NEVER;
    }),
  );
}

/** The id of a campaign, whatever the ids of the host are. */
export const campaignIdField = v.pipe(
  idOf(idType('bigint')),
  // As it comes out again.
  v.transform((id) => String(BigInt(id))),
);

/** Enough for any name or note; the columns of a host may hold less, and are then the limit. */
const LONGEST_TEXT = 10_000;

/** How a text is read. */
interface TextOptions {
  max?: number;
  maxBytes?: number;
  mayBeEmpty?: boolean;
  /** Takes off what surrounds it. */
  trim?: boolean;
  /** Makes a code's name of it. */
  isCode?: boolean;
  /** Whether whole numbers are taken as well: an identifier of the host. */
  orNumber?: boolean;
  /**
   * What is looked for, and not stored: it may be longer than the column. One of another type than the column's is refused
   * all the same.
   */
  isLookUp?: boolean;
  /** Whether `''` is taken as it is: what a host without such a column has there. */
  mayBeNone?: boolean;
}

/** A field for a column that a host may not have: only nothing and `null` are right there, and both count as left out. */
export function ofColumn<Field extends v.GenericSchema>(
  host: Host | undefined,
  table: HostTable,
  role: Role,
  field: Field,
) {
  if (!host || host.has(table, role)) return field;
  const rule = `must be left out: ${host.layout[table].name} has no column for it`;
  return v.optional(
    v.pipe(
      v.unknown(),
      v.check((value) => value === null, rule),
      v.transform(() => undefined),
    ),
  );
}

/** A text for a column. It must hold more than spaces, unless it may be empty. What is measured is what is sent. */
export function textField(host: Host | undefined, table: HostTable, column: Role | '', options: TextOptions = {}) {
  const { maxBytes = Number.POSITIVE_INFINITY, mayBeEmpty = false, orNumber = false, mayBeNone = false } = options;
  const stored = options.isLookUp ? undefined : host;
  const ofColumn = stored && lengthOf(stored.typeOf(table, column));
  const type = host?.baseTypeOf(table, column) ?? '';
  const isText = (identityKind(type) ?? 'text') === 'text';
  const max = Math.min(options.max ?? LONGEST_TEXT, ofColumn ?? LONGEST_TEXT);
  const rule = [
    `must be a string of ${mayBeEmpty ? 0 : 1} to ${max} characters`,
    ...(options.maxBytes === undefined ? [] : [`(at most ${maxBytes} bytes as UTF-8)`]),
    'without NUL and lone surrogates',
    ...(mayBeEmpty ? [] : ['that is not blank']),
  ].join(', ');
  return v.pipe(
    v.custom<string | number | bigint>(
      (value) => typeof value === 'string' || (orNumber && (isShort(value) || Number.isSafeInteger(value))),
      rule,
    ),
    v.transform((value) => {
      const text = String(value);
      if (options.isCode) return toCodeName(text);
      return options.trim ? text.trim() : text;
    }),
    v.check((text) => isWithin(text, max, maxBytes) && isStorable(text), rule),
    v.check((text) => mayBeEmpty || (mayBeNone && text === '') || text.trim() !== '', rule),
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

/** A longer one is no identifier, and takes long to write. */
const LARGEST_NUMBER = 10n ** 1_000n;

function isShort(value: unknown): value is bigint {
  return typeof value === 'bigint' && value < LARGEST_NUMBER && value > -LARGEST_NUMBER;
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
 * What is part of an index with a second text: an entry holds up to 2,704 bytes, and some characters become
 * three times as long by `upper`.
 */
export const INDEXED_NAME = { max: LONGEST_NAME, maxBytes: 512 };

const LARGEST_INT = 2_147_483_647;
const LIMIT_RULE = `must be a whole number from 1 to ${LARGEST_INT}, or null for no limit`;

export const limitField = v.nullable(
  v.pipe(v.number(LIMIT_RULE), v.integer(LIMIT_RULE), v.minValue(1, LIMIT_RULE), v.maxValue(LARGEST_INT, LIMIT_RULE)),
);
