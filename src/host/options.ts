import * as v from 'valibot';
import { identifier, listOf, oneOf, optionsOf, trueOrFalse } from '../options.js';
import { CODE_COLUMNS, describeTables, type HostDescription, type HostTables, USE_COLUMNS } from './description.js';
import { type StructureIssue, tableIssues } from './structure.js';

/** The options of an installation that describe its host. One that is left out is as installed. */
export interface HostOptions {
  /** The host's two tables, where they differ from those of `installSchema`. */
  tables?: HostTables | undefined;
  /**
   * The schema of everything that the library creates but triggers and indexes. Default: `pgpromocodes` for `public`,
   * `pgpromocodes_<schema>` for another schema.
   */
  librarySchema?: string | undefined;
  /** Roles that may redeem beside the owner of the host's tables. Default: none. */
  grantTo?: string[] | undefined;
  /** The time zone of the host's columns without time zone, a name such as `'Europe/Berlin'`. Default: `'UTC'`. */
  timeZone?: string | undefined;
  /**
   * `'folded'` (the default) compares and stores customers trimmed and in lower case; `'exact'` as they are given, for
   * identifiers that are case-sensitive.
   */
  customerMatching?: 'folded' | 'exact' | undefined;
  /**
   * For databases of tests: whoever may redeem can set the present for a call, which `setClock` of `pg-promo-codes/testing`
   * does. Default: `false`, and no setting has any effect on dates.
   */
  testClock?: boolean | undefined;
}

const word = v.pipe(
  v.string('must be a string'),
  v.check((text) => text.trim().length > 0, 'must not be empty'),
  v.check((text) => !text.includes('\0'), 'must not contain a NUL character'),
  v.check((text) => text.isWellFormed(), 'must not contain half of a surrogate pair'),
);
const MOST_NAMES = 1_000;
const words = listOf(word, MOST_NAMES, 'must be an array of strings', 'words');

function columnsOf<Role extends string>(roles: readonly Role[]) {
  const column = v.nullish(identifier);
  return v.optional(optionsOf(Object.fromEntries(roles.map((role) => [role, column])) as Record<Role, typeof column>));
}

const rolledBack = optionsOf({
  column: identifier,
  counts: v.optional(words),
  value: v.optional(word),
  redeemed: v.optional(word),
  reserved: v.optional(word),
});

const tables = v.pipe(
  optionsOf({
    codes: v.optional(
      optionsOf({
        name: v.optional(identifier),
        columns: columnsOf(CODE_COLUMNS),
        bonusTypes: v.optional(optionsOf({ fixed: v.optional(words), percentage: v.optional(words) })),
      }),
    ),
    uses: v.optional(
      optionsOf({ name: v.optional(identifier), columns: columnsOf(USE_COLUMNS), rolledBack: v.optional(rolledBack) }),
    ),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    for (const issue of tableIssues(dataset.value)) addIssue(issueAt(dataset.value, issue));
  }),
  // A status has all that it takes by now.
  v.transform((checked) => checked as HostTables),
);

const librarySchema = v.pipe(
  identifier,
  v.check((name) => !name.startsWith('pg_'), "must not begin with pg_, which is reserved for PostgreSQL's own schemas"),
  v.check((name) => name !== 'information_schema', "must not be a schema of PostgreSQL's own"),
);

const grantTo = v.pipe(
  listOf(
    v.pipe(
      identifier,
      v.check(
        (role) => role.toLowerCase() !== 'public',
        'must be the name of a role: PUBLIC gets no right on the library',
      ),
      v.check((role) => role !== 'none', 'must be the name of a role: none is reserved'),
    ),
    MOST_NAMES,
    'must be an array of names of roles',
    'roles',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!Array.isArray(dataset.value) || dataset.value.length > MOST_NAMES) return;
    for (const [place, role] of dataset.value.entries()) {
      const first = dataset.value.indexOf(role);
      if (first === place) continue;
      addIssue(
        issueAt(dataset.value, { path: [place], message: `must not be named twice: it is number ${first} as well` }),
      );
    }
  }),
);

const timeZone = v.pipe(
  v.string('must be a string'),
  v.check((name) => name.length > 0 && name.length <= 255, 'must be the name of a time zone, such as Europe/Berlin'),
  v.check(
    (name) => !name.includes('\0') && name.isWellFormed(),
    'must be the name of a time zone, such as Europe/Berlin',
  ),
);

/** The entries of the options object of `installTriggers` that describe the host. */
export const hostEntries = {
  tables: v.optional(tables),
  librarySchema: v.optional(librarySchema),
  grantTo: v.optional(grantTo),
  timeZone: v.optional(timeZone),
  customerMatching: v.optional(oneOf(['folded', 'exact'])),
  testClock: v.optional(trueOrFalse),
};

type DescribingOptions = Pick<HostOptions, 'tables' | 'timeZone' | 'customerMatching' | 'testClock'>;

/** The description of a host by these options, with every default filled in. */
export function describeHost(
  schema: string,
  { tables, timeZone, customerMatching, testClock }: DescribingOptions,
): HostDescription {
  const described = describeTables(schema, tables);
  return {
    ...described,
    timeZone: timeZone ?? described.timeZone,
    customerMatching: customerMatching ?? described.customerMatching,
    ...(testClock && { testClock }),
  };
}

/** An issue with the steps of its path, as valibot takes it. */
function issueAt(root: unknown, { path, message }: StructureIssue) {
  let input = root;
  const steps = path.map((key): v.IssuePathItem => {
    const value =
      typeof input === 'object' && input !== null ? (input as Record<string | number, unknown>)[key] : undefined;
    const step = { type: 'unknown', origin: 'value', input, key, value } as const;
    input = value;
    return step;
  });
  const [first, ...rest] = steps;
  return first === undefined
    ? { message }
    : { message, path: [first, ...rest] as [v.IssuePathItem, ...v.IssuePathItem[]] };
}
