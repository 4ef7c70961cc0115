import * as v from 'valibot';
import { isStorable } from './fields.js';
import type { JsonValue } from './promo-code.js';

/** More is a document, and every list of codes would read it. */
const LONGEST_METADATA = 100_000;
/** What nests deeper is no metadata. */
const DEEPEST = 100;
const RULE =
  'must be a JSON value: null, a boolean, a finite number, a string without NUL and lone surrogates, or a plain object or an ' +
  `array of these, up to ${DEEPEST} levels deep and ${LONGEST_METADATA} characters long`;

/** What the host keeps with a code. A field that is `undefined` is left out, and a `Date` becomes a string, as in JSON. */
export const metadataField = v.pipe(
  v.custom<unknown>((value) => value !== undefined, RULE),
  v.rawTransform(({ dataset, addIssue, NEVER }): JsonValue => {
    const json = jsonOf(dataset.value, 0);
    if (json !== undefined && JSON.stringify(json).length <= LONGEST_METADATA) return json;
    addIssue({ message: RULE });
    return NEVER;
  }),
);

function jsonOf(value: unknown, depth: number): JsonValue | undefined {
  switch (typeof value) {
    case 'string':
      return isStorable(value) ? value : undefined;
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : undefined;
    case 'object':
      return value === null ? null : jsonOfObject(value, depth);
    default:
      return undefined;
  }
}

function jsonOfObject(value: object, depth: number): JsonValue | undefined {
  if (depth >= DEEPEST) return undefined;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (Array.isArray(value)) {
    const items = value.map((item) => jsonOf(item, depth + 1));
    return items.every((item) => item !== undefined) ? items : undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return undefined;
  const fields: [string, JsonValue][] = [];
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue;
    const json = jsonOf(field, depth + 1);
    if (json === undefined || !isStorable(key)) return undefined;
    fields.push([key, json]);
  }
  return Object.fromEntries(fields);
}
