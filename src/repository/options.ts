import * as v from 'valibot';
import type { DiagnosticsOptions } from '../diagnostics/events.js';
import { ValidationError } from '../errors.js';
import {
  DATABASE_RULE,
  isQueryable,
  optionsOf,
  PGLITE_RULE,
  parseOptions,
  readable,
  type SchemaOption,
  schemaEntries,
  trueOrFalse,
  wholeNumber,
} from '../options.js';
import type { CallLimits, RetryPolicy } from '../postgres/attempts.js';
import { type ClientLike, type ConnectionPool, type Database, isPool, type Queryable } from '../postgres/database.js';
import { ADAPTERS, isPglite, libraryOf } from '../postgres/other-libraries.js';
import { describeReceived } from '../received.js';
import { type Id, isStorable } from './fields.js';

/** Options of a `PromoCodeRepository`. */
export interface RepositoryOptions extends SchemaOption {
  /**
   * The pool of a replica, for reads that need not be fresh: `validate`, `findById`, `findByCode`, `list`, `usesByCustomer`,
   * `usesByCode`, `usageStats`, `shopStats`, `history`, and `findById` and `list` of campaigns. They are as old as the replica is
   * behind; `{ fresh: true }` asks the primary. Everything else goes to the primary, and so does every call with a `client`.
   *
   * Where the replica fails, for whatever reason, the primary is asked in the second half of `deadlineMs`; while it is out of
   * reach, at once. Default: none.
   *
   * @example
   * new PromoCodeRepository(pool, { readPool: new pg.Pool({ connectionString: process.env.REPLICA_URL }) });
   */
  readPool?: ConnectionPool | undefined;
  /**
   * Milliseconds after which a call is over, whatever the network does: attempts, pauses and the wait for a connection of
   * the pool included. Until then what failed for its connection, a restart or a failover is repeated. In a transaction of
   * the host nothing is repeated; there, a connection that gives no answer for so long is closed. A call that makes many
   * codes has this for each batch. Default: 10,000.
   */
  deadlineMs?: number | undefined;
  /**
   * Milliseconds after which one attempt is given up: its connection is closed, and another one is tried. Default: 2,000
   * more than `lockTimeoutMs`, within `deadlineMs`.
   */
  attemptTimeoutMs?: number | undefined;
  /**
   * Milliseconds that a call waits for the lock on its code, where the session sets no `lock_timeout`. Default: 5,000,
   * within half of `deadlineMs`.
   */
  lockTimeoutMs?: number | undefined;
  /**
   * How calls are repeated whose transaction belongs to the library. Default: as often as `deadlineMs` lets them, the first
   * time at once, then with pauses of up to 50 ms.
   */
  retry?: RetryPolicy | undefined;
  /**
   * Makes unknown, inactive, expired and not-started codes, those of such a campaign, and those that are bound to another
   * customer, look the same in reason (`not_found`), in message and in the work that the server does, so that a guesser
   * learns nothing from them. That a limit or the budget is reached, or a reward too small, is still said, to who has a right
   * code in hand: a used-up code is known as one, so use `rateLimit` as well where codes can be guessed. Default: `false`.
   */
  uniformRefusals?: boolean | undefined;
  /**
   * Refuses further attempts after too many failures under one `rateLimitKey`, in all instances together
   * (`rate-limiter-flexible` on a table of the library). `true` for the defaults; every call of `validate`, `redeem` and
   * `reserve` then has to give its `rateLimitKey`. Default: `false`.
   */
  rateLimit?: boolean | RateLimitOptions | undefined;
  /**
   * Whether calls of `redeem` and `reserve` that come while others are under way share a statement with them; the answers
   * are those of one call after the other. Calls of `validate` share statements with each other. Not inside a transaction of the host. Default: `true`.
   */
  batching?: boolean | BatchingOptions | undefined;
  /**
   * Whether statements are prepared by name, once per connection. Needs a driver that takes `{ name, text, values }`, as
   * `pg` does, and a connection that is not behind a pooler of transactions without support for it (PgBouncer before 1.21).
   * Default: `false`.
   */
  prepare?: boolean | undefined;
  /** What is published on the channels of `node:diagnostics_channel`. Default: no personal data. */
  diagnostics?: DiagnosticsOptions | undefined;
}

/** The bounds of `batching`; the defaults are for everybody. */
export interface BatchingOptions {
  /** Redemptions, or previews, in one statement, at the most. Default: 500. */
  maxBatch?: number | undefined;
  /** Callers that wait, at the most, of redemptions and of previews; the next one gets a `QueueFullError`. Default: 10,000. */
  maxQueue?: number | undefined;
  /**
   * Statements under way at the same time, each of other codes and on a connection of the pool; as many again for codes
   * that somebody else holds, and for previews. Few make large batches, which cost the server less for each redemption. Default: 2.
   */
  lanes?: number | undefined;
  /**
   * Keeps callers apart: it is asked at each call of `redeem`, `reserve` and `validate`, in the asynchronous context of the caller
   * (`AsyncLocalStorage`), and callers with different answers never share a statement. A statement then runs in the context
   * of one of its callers; without this option all run in the context in which the repository was made. For a pool that
   * looks at the context, such as one that sets a tenant. What it throws is a `ValidationError` of that call.
   *
   * @example
   * new PromoCodeRepository(pool, { batching: { partitionBy: () => tenants.getStore() ?? '' } });
   */
  partitionBy?: (() => string) | undefined;
}

/** How many failures the limiter in front of `validate`, `redeem` and `reserve` allows. */
export interface RateLimitOptions {
  /** How many failed attempts a key has. Default: 20. */
  failures?: number | undefined;
  /** In how many seconds, from the first failure on. Default: 900. */
  windowSeconds?: number | undefined;
}

/** The last argument of every method. */
export interface CallOptions {
  /**
   * A client that is inside a transaction of the host: the call becomes a part of that transaction and is undone when it
   * rolls back. The library then repeats nothing. Not a pool: what `pool.connect()` resolves to.
   */
  client?: ClientLike | undefined;
  /**
   * For `validate`, `redeem` and `reserve`: whose failures the rate limiter counts. It has to be given where the option
   * `rateLimit` is on, and should be something that a guesser cannot choose, such as the IP address that a request came
   * from; the customer and the code are what he tries out.
   */
  rateLimitKey?: string | undefined;
}

/** The last argument of methods that only read. */
export interface ReadOptions extends CallOptions {
  /**
   * Reads from the primary, whatever the option `readPool` of the repository says, as behind a write of one's own. Default:
   * `false`.
   */
  fresh?: boolean | undefined;
}

/** The last argument of methods that work on a code or on a use by its id. */
export interface CodeOptions extends CallOptions {
  /**
   * The shop that the code, or the code of the use, must be of. One of another shop is treated as if it did not exist, with
   * the same answer, so nobody learns that it does. A host without shops must leave it out.
   */
  shopId?: Id | undefined;
}

/** The last argument of methods that only read a code, or what belongs to one, by its id. */
export interface ReadCodeOptions extends CodeOptions, ReadOptions {}

const BATCHING_RULE = 'must be true, false, or an object with maxBatch, maxQueue, lanes and partitionBy';
const RATE_LIMIT_RULE = 'must be true, false, or an object with failures and windowSeconds';

const batching = optionsOf({
  maxBatch: v.optional(wholeNumber(1, 10_000), 500),
  maxQueue: v.optional(wholeNumber(1, 1_000_000), 10_000),
  lanes: v.optional(wholeNumber(1, 64), 2),
  partitionBy: v.optional(v.custom<() => string>((value) => typeof value === 'function', 'must be a function')),
});

const milliseconds = v.optional(wholeNumber(1, 600_000));

const READ_POOL_RULE =
  'must be a pool of node-postgres, or anything with the same query and connect methods; for a URL: new pg.Pool({ connectionString: url })';

const settings = optionsOf({
  ...schemaEntries,
  readPool: v.optional(
    v.pipe(
      v.custom<ConnectionPool>((value) => isQueryable(value) && isPool(value), READ_POOL_RULE),
      v.check((pool) => !isPglite(pool), PGLITE_RULE),
    ),
  ),
  retry: v.optional(
    optionsOf({
      attempts: v.optional(wholeNumber(1, 1_000_000)),
      maxDelayMs: v.optional(wholeNumber(0, 60_000), 50),
    }),
    {},
  ),
  deadlineMs: milliseconds,
  attemptTimeoutMs: milliseconds,
  lockTimeoutMs: milliseconds,
  uniformRefusals: v.optional(trueOrFalse, false),
  rateLimit: v.optional(
    v.union(
      [
        trueOrFalse,
        optionsOf({
          failures: v.optional(wholeNumber(1, 1_000_000), 20),
          windowSeconds: v.optional(wholeNumber(1, 31_536_000), 900),
        }),
      ],
      RATE_LIMIT_RULE,
    ),
    false,
  ),
  batching: v.optional(v.union([trueOrFalse, batching], BATCHING_RULE), true),
  prepare: v.optional(trueOrFalse, false),
  diagnostics: v.optional(optionsOf({ personalData: v.optional(trueOrFalse, false) }), { personalData: false }),
});

/** Each within the next, as far as they are given. */
const TIMES = ['lockTimeoutMs', 'attemptTimeoutMs', 'deadlineMs'] as const;

export const repositoryOptions = v.optional(
  v.pipe(
    settings,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const given = TIMES.filter((name) => dataset.value[name] !== undefined);
      for (const [place, name] of given.entries()) {
        const shorter = given.slice(0, place).findLast((other) => dataset.value[other]! > dataset.value[name]!);
        if (shorter === undefined) continue;
        addIssue({
          message: `must not be below ${shorter} (${dataset.value[shorter]})`,
          path: [{ type: 'object', origin: 'value', input: dataset.value, key: name, value: dataset.value[name] }],
        });
      }
    }),
  ),
  {},
);

/** Defaults that fit what is given. */
export function limitsOf({ retry, ...given }: ParsedRepositoryOptions): CallLimits {
  const { lockTimeoutMs: lock = 0, attemptTimeoutMs: attempt = 0 } = given;
  const deadlineMs = given.deadlineMs ?? Math.max(10_000, lock + 5_000, attempt + 3_000);
  const longestWait = given.attemptTimeoutMs ?? deadlineMs / 2;
  const lockTimeoutMs = given.lockTimeoutMs ?? Math.ceil(Math.min(5_000, longestWait));
  const attemptTimeoutMs = given.attemptTimeoutMs ?? Math.min(lockTimeoutMs + 2_000, deadlineMs);
  return { deadlineMs, attemptTimeoutMs, lockTimeoutMs, retry };
}

/** What `batching: true` stands for. */
export const usualBatching = v.parse(batching, {});

export type ParsedRepositoryOptions = v.InferOutput<typeof repositoryOptions>;

/** It is indexed. */
const LONGEST_KEY = 1_000;
const KEY_RULE = `must be a string of 1 to ${LONGEST_KEY} bytes as UTF-8, without NUL and lone surrogates`;

const callEntries = {
  client: v.optional(
    v.custom<Queryable>(
      (value) => isQueryable(value) && !isPool(value) && !isPglite(value),
      ({ input }) => clientRule(input),
    ),
  ),
  rateLimitKey: v.optional(
    v.pipe(
      v.string(KEY_RULE),
      v.check((key) => key !== '' && Buffer.byteLength(key) <= LONGEST_KEY && isStorable(key), KEY_RULE),
    ),
  ),
};

/** What a method may have as its last argument. A shop is checked with the id that it belongs to. */
const readEntries = { ...callEntries, fresh: v.optional(trueOrFalse, false) };
const guardEntries = { shopId: v.optional(v.unknown()) };
const lastArgument = {
  ofCall: optionsOf(callEntries),
  ofCode: optionsOf({ ...callEntries, ...guardEntries }),
  ofRead: optionsOf(readEntries),
  ofCodeRead: optionsOf({ ...readEntries, ...guardEntries }),
};

/** What a method may be asked with. */
export interface GivenOptions extends CallOptions {
  fresh?: boolean | undefined;
  shopId?: unknown;
}

export type OptionsKind = keyof typeof lastArgument;

function clientRule(client: unknown): string {
  if (isQueryable(client) && !isPglite(client)) {
    return (
      'must be a client that is inside your transaction, and this is a pool, each of whose statements may run on another ' +
      'connection: pass what pool.connect() resolved to'
    );
  }
  const library = libraryOf(client);
  return library
    ? `must be a client with a query method, and this looks like ${library.name}: pass ${library.client}, ${ADAPTERS}`
    : 'must be a client with a query method';
}

/** Checks the last argument of a method. */
export function parseCallOptions(options: unknown, callee: string, kind: OptionsKind): GivenOptions {
  const { library, isClient } = readable('options', () => ({
    library: libraryOf(options),
    isClient: isQueryable(options),
  }));
  if (!isClient && !library) return parseOptions(lastArgument[kind], options, callee);
  const remedy = library
    ? `; this looks like ${library.name}: pass { client }, made by ${library.client}, ${ADAPTERS}`
    : '';
  const received = describeReceived(options);
  throw new ValidationError([
    {
      path: 'options',
      message: `must be an object of options: a client goes into ${callee} as { client }${remedy}`,
      ...(received !== undefined && { received }),
    },
  ]);
}

export const poolArgument = v.object({
  pool: v.pipe(
    v.custom<Database>(isQueryable, DATABASE_RULE),
    v.check((pool) => !isPglite(pool), PGLITE_RULE),
  ),
});

/** Settings with what a method takes besides; what is no object stays what it is, and is refused as such. */
export function withField(settings: unknown, field: object): unknown {
  if (typeof settings !== 'object' || settings === null) return settings;
  return readable('options', () => (Array.isArray(settings) ? settings : { ...settings, ...field }));
}

/** The options that may stand among the settings of a method that works on a code or on a use by its id. */
export const GUARDED = ['client', 'shopId'] as const satisfies (keyof CodeOptions)[];
/** The same of methods that only read. */
export const READING = ['client', 'fresh'] as const satisfies (keyof ReadOptions)[];
export const GUARDED_READING = [...GUARDED, 'fresh'] as const satisfies (keyof ReadCodeOptions)[];

/**
 * Where a method's settings come before its last argument, its options may stand among the settings as well.
 * @param names those that may
 */
export function splitOptions<Settings extends object>(
  settings: (Settings & ReadCodeOptions) | undefined,
  options: ReadCodeOptions | undefined,
  names: readonly (typeof GUARDED_READING)[number][] = ['client'],
): { settings: Partial<Settings>; options: ReadCodeOptions | undefined } {
  try {
    return split(settings, options, names);
  } catch {
    // A proxy may refuse every look at it: it is refused where the settings are read.
    return { settings: settings ?? {}, options };
  }
}

function split<Settings extends object>(
  settings: (Settings & ReadCodeOptions) | undefined,
  options: ReadCodeOptions | undefined,
  names: readonly (typeof GUARDED_READING)[number][],
): { settings: Partial<Settings>; options: ReadCodeOptions | undefined } {
  if (options !== undefined || typeof settings !== 'object' || settings === null) {
    return { settings: settings ?? {}, options };
  }
  // A client in the place of the settings is one in the wrong place, and not a wrong setting.
  if (isQueryable(settings)) return { settings: {}, options: settings as ReadCodeOptions };
  if (!names.some((name) => name in settings)) return { settings, options };
  const rest: Partial<Settings & ReadCodeOptions> = { ...settings };
  const moved: ReadCodeOptions = {};
  for (const name of names) {
    if (rest[name] !== undefined) Object.assign(moved, { [name]: rest[name] });
    delete rest[name];
  }
  return { settings: rest, options: moved };
}
