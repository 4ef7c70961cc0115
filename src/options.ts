import * as v from 'valibot';
import { ValidationError, type ValidationIssue } from './errors.js';

/** What every call takes: where the tables are. */
export interface SchemaOption {
  /** The schema of the two tables, any legal identifier. Default: `public`. */
  schema?: string | undefined;
}

const encoder = new TextEncoder();

export const schemaName = v.optional(
  v.pipe(
    v.string('must be a string'),
    v.check((name) => name.length > 0, 'must not be empty'),
    v.check((name) => !name.includes('\0'), 'must not contain a NUL character'),
    v.check(
      (name) => encoder.encode(name).length <= 63,
      'must be at most 63 bytes long, as PostgreSQL cuts longer names',
    ),
  ),
  'public',
);

/** A count or a time, with the bounds in the message. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
}

export function oneOf<const Values extends readonly string[]>(values: Values) {
  return v.picklist(values, `must be one of ${values.map((value) => `'${value}'`).join(', ')}`);
}

export const trueOrFalse = v.boolean('must be true or false');

/** How far a long step has come, in codes. */
export interface Progress {
  /** `'check'` compares counters with rows, `'repair'` corrects the codes that differ. */
  phase: 'check' | 'repair';
  /** Codes dealt with so far. */
  done: number;
  /** Codes in all; it can grow while codes are created. */
  total: number;
}

export const progressCallback = v.optional(
  v.custom<(progress: Progress) => void>((value) => typeof value === 'function', 'must be a function'),
);

/** A strict object: a misspelt option is an issue, and the message lists the names that exist. */
export function optionsOf<Entries extends v.ObjectEntries>(entries: Entries) {
  const names = Object.keys(entries).join(', ');
  return v.strictObject(entries, (issue) => {
    if (issue.expected === 'Object') return 'must be an object';
    return issue.expected === 'never' ? `is not an option here; the options are ${names}` : 'is required';
  });
}

/** Checks an argument and fills in defaults; throws a `ValidationError` with every issue at once. */
export function parseOptions<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  root = 'options',
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  throw new ValidationError(
    result.issues.map((issue) => ({ path: v.getDotPath(issue) ?? root, message: issue.message })),
  );
}

/** Checks the arguments of one call, so that a `ValidationError` lists the issues of all of them. */
export function parseTogether<Parts extends Record<string, () => unknown>>(
  parts: Parts,
): { [Part in keyof Parts]: ReturnType<Parts[Part]> } {
  const issues: ValidationIssue[] = [];
  const parsed = Object.entries(parts).map(([name, parse]) => {
    try {
      return [name, parse()];
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      issues.push(...error.issues);
      return [name, undefined];
    }
  });
  if (issues.length > 0) throw new ValidationError(issues);
  return Object.fromEntries(parsed);
}
