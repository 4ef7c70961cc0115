import * as v from 'valibot';
import { MOST_ISSUES, ValidationError, type ValidationIssue } from './errors.js';
import type { Queryable } from './postgres/database.js';
import { ADAPTERS, isPglite } from './postgres/other-libraries.js';
import { describeReceived, isSecretive } from './received.js';
import { suggestionFor } from './suggestion.js';

/** What every call takes: which installation is meant. */
export interface SchemaOption {
  /** The schema of the two tables, any legal identifier. Default: that of the installation in `librarySchema`, or `public`. */
  schema?: string | undefined;
  /**
   * The schema of the library, where it is not the usual one: `pgpromocodes` for tables in `public`, `pgpromocodes_<schema>`
   * otherwise. It has to be given where tables of one schema have several installations.
   */
  librarySchema?: string | undefined;
}

const encoder = new TextEncoder();

/** A name that PostgreSQL takes as it is: quotes and spaces are legal, what it would cut is not. */
export const identifier = v.pipe(
  v.string('must be a string'),
  v.check((name) => name.length > 0, 'must not be empty'),
  v.check((name) => !name.includes('\0'), 'must not contain a NUL character'),
  v.check((name) => name.isWellFormed(), 'must not contain half of a surrogate pair'),
  v.check(
    (name) => encoder.encode(name).length <= 63,
    'must be at most 63 bytes long, as PostgreSQL cuts longer names',
  ),
);

/** The entries of `SchemaOption`. */
export const schemaEntries = { schema: v.optional(identifier), librarySchema: v.optional(identifier) };

/** A count or a time, with the bounds in the message. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
}

export function oneOf<const Values extends readonly string[]>(values: Values) {
  return v.picklist(values, `must be one of ${values.map((value) => `'${value}'`).join(', ')}`);
}

export const trueOrFalse = v.boolean('must be true or false');

/** How far a long step has come, in codes; what archives, in pages of the table. */
export interface Progress {
  /** `'check'` and `'scrub'` compare counters with rows, `'repair'` corrects the codes that differ, `'archive'` removes old uses. */
  phase: 'check' | 'scrub' | 'repair' | 'archive';
  /** Codes (or pages) dealt with so far. */
  done: number;
  /** Codes (or pages) in all; it can grow while codes are created. */
  total: number;
}

export const progressCallback = v.optional(
  v.custom<(progress: Progress) => void>((value) => typeof value === 'function', 'must be a function'),
);

/** An array of at most so many: one that is longer is refused before anything in it is read. */
export function listOf<Item extends v.GenericSchema>(item: Item, max: number, rule: string, what: string) {
  return v.pipe(
    v.custom<unknown[]>((value) => Array.isArray(value), rule),
    v.check((list) => list.length <= max, `must hold at most ${max} ${what}`),
    v.array(item),
  );
}

/** A strict object: a name that is none of these is an issue, and its message says which was meant. */
export function optionsOf<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, (issue) => (issue.expected === 'Object' ? 'must be an object' : 'is required'));
}

/**
 * Checks an argument and fills in defaults; throws a `ValidationError` with every issue at once.
 * @param callee whose argument it is, as messages name it: `'create()'`
 * @param root what the argument is called; what is called otherwise than `options` has fields
 */
export function parseOptions<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  callee: string,
  root = 'options',
): v.InferOutput<Schema> {
  const result = readable(root, () => v.safeParse(schema, input));
  if (result.success) return result.output;
  throw new ValidationError(readable(root, () => issuesOf(schema, result.issues, callee, root)));
}

/** A getter or a proxy may throw whatever it likes. */
export function readable<Result>(path: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw new ValidationError(
      [{ path, message: 'must be an object whose fields can be read: reading one of them threw an error' }],
      {
        cause,
      },
    );
  }
}

/** The two arguments of a function that works on a database. */
export function parseArguments<Schema extends v.GenericSchema>(
  db: unknown,
  schema: Schema,
  options: unknown,
  callee: string,
): v.InferOutput<Schema> {
  return parseTogether({
    db: () => parseOptions(databaseArgument, { db }, callee),
    options: () => parseOptions(schema, options, callee),
  }).options;
}

/** Something with a `query` method. What it answers is not known yet. */
export function isQueryable(value: unknown): value is Queryable {
  return typeof value === 'object' && value !== null && 'query' in value && typeof value.query === 'function';
}

export const DATABASE_RULE =
  'must be a pool or a client of node-postgres, or anything with the same query method; for a URL: new pg.Pool({ connectionString: url })';
export const PGLITE_RULE = `must be a pool, and this is PGlite itself: pass poolFromPglite(db), ${ADAPTERS}`;
const databaseArgument = v.object({
  db: v.pipe(
    v.custom<Queryable>(isQueryable, DATABASE_RULE),
    v.check((db) => !isPglite(db), PGLITE_RULE),
    v.check(
      isConnectedOrPool,
      'must be connected: this client of node-postgres would keep statements until its connect() is called',
    ),
  ),
});

/** A `pg.Client` that was never connected shows it. */
function isConnectedOrPool(db: Queryable): boolean {
  const { _connected, _connecting } = db as { _connected?: unknown; _connecting?: unknown };
  return !(_connected === false && _connecting === false);
}

/** The issues of an argument, as a `ValidationError` has them. */
export function issuesOf(
  schema: v.GenericSchema,
  issues: readonly v.BaseIssue<unknown>[],
  callee: string,
  root: string,
  above: readonly v.IssuePathItem[] = [],
): ValidationIssue[] {
  return issues.flatMap((issue, place) => {
    // Those behind the first are only counted.
    const describe = place < MOST_ISSUES ? describeReceived : () => undefined;
    const steps = [...above, ...(issue.path ?? [])];
    // Of something that may be a flag or an object, what is wrong in the object says more than that it is neither.
    const inside = issue.type === 'union' ? issue.issues?.filter((part) => part.path) : undefined;
    if (inside && inside.length > 0) return issuesOf(schema, inside, callee, root, steps);
    const path = steps.map(({ key }) => String(key)).join('.') || root;
    const last = steps.at(-1);
    if (issue.type === 'strict_object' && issue.expected === 'never') {
      return unknownNames(last?.input, namesAt(schema, steps.slice(0, -1)), callee, {
        prefix: path.slice(0, Math.max(0, path.length - String(last?.key).length)),
        kind: root === 'options' || root === 'settings' ? 'option' : 'field',
      });
    }
    // What a step before has made of the value is of no use to who handed it in.
    const received = describe(last ? last.value : issue.input);
    return [{ path, message: issue.message, ...(received !== undefined && { received }) }];
  });
}

function unknownNames(
  given: unknown,
  known: readonly string[],
  callee: string,
  { prefix, kind }: { prefix: string; kind: 'option' | 'field' },
): ValidationIssue[] {
  const issues: ValidationIssue[] = [];
  const fields = (given ?? {}) as Record<string, unknown>;
  // Inherited ones too: an object of a class is taken for its fields.
  for (const name in fields) {
    if (known.includes(name)) continue;
    const meant = suggestionFor(name, known);
    const remedy = meant === undefined ? `the ${kind}s are ${known.join(', ')}` : `${meant}?`;
    const received = describeReceived(fields[name]);
    issues.push({
      path: `${prefix}${isSecretive(name) ? 'a name' : name.slice(0, LONGEST_NAME)}`,
      message: `is not ${kind === 'option' ? 'an option' : 'a field'} of ${callee}; ${remedy}`,
      ...(received !== undefined && { received }),
    });
    if (issues.length === MOST_UNKNOWN) break;
  }
  return issues;
}

/** A name is shown, a text in the place of one is not. */
const LONGEST_NAME = 100;
const MOST_UNKNOWN = 20;

/** The names that a strict object has, wherever in a schema it stands. */
function namesAt(schema: object, path: readonly { key: unknown }[]): string[] {
  const [step, ...rest] = path;
  const parts = schema as {
    wrapped?: object;
    pipe?: readonly { kind: string }[];
    options?: readonly object[];
    entries?: Record<string, object>;
    item?: object;
  };
  if (parts.wrapped) return namesAt(parts.wrapped, path);
  const last = parts.pipe?.findLast(({ kind }) => kind === 'schema');
  if (last) return namesAt(last, path);
  if (parts.options) return parts.options.flatMap((option) => namesAt(option, path));
  if (step === undefined) return Object.keys(parts.entries ?? {});
  const next = parts.item ?? parts.entries?.[String(step.key)];
  return next ? namesAt(next, rest) : [];
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
