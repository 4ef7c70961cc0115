import * as v from 'valibot';
import { ValidationError } from '../errors.js';
import {
  DATABASE_RULE,
  isQueryable,
  optionsOf,
  parseOptions,
  type SchemaOption,
  schemaName,
  trueOrFalse,
  wholeNumber,
} from '../options.js';
import { type ClientLike, type Database, isPool, type Queryable } from '../postgres/database.js';
import { libraryOf } from '../postgres/other-libraries.js';
import { describeReceived } from '../received.js';
import type { RetryPolicy } from '../redemption/calls.js';
import { type Id, isStorable } from './fields.js';

/** Options of a `PromoCodeRepository`. */
export interface RepositoryOptions extends SchemaOption {
  /** How calls are repeated whose transaction belongs to the library. Default: 8 attempts, pauses of up to 1,000 ms. */
  retry?: Partial<RetryPolicy> | undefined;
  /**
   * Milliseconds that a redemption waits for the lock on its code, where the session sets no `lock_timeout`. Default: 10,000.
   */
  lockTimeoutMs?: number | undefined;
  /**
   * Makes unknown, inactive, expired and not-started codes look the same in reason (`not_found`), in message and in the work
   * that the server does, so that a guesser learns nothing from them. That a limit is reached is still said, to who has a
   * right code in hand: a used-up code is known as one, so use `rateLimit` as well where codes can be guessed. Default:
   * `false`.
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
   * are those of one call after the other. Not inside a transaction of the host. Default: `true`.
   */
  batching?: boolean | BatchingOptions | undefined;
  /**
   * Whether statements are prepared by name, once per connection. Needs a driver that takes `{ name, text, values }`, as
   * `pg` does, and a connection that is not behind a pooler of transactions without support for it (PgBouncer before 1.21).
   * Default: `false`.
   */
  prepare?: boolean | undefined;
}

/** The bounds of `batching`; the defaults are for everybody. */
export interface BatchingOptions {
  /** Redemptions in one statement, at the most. Default: 500. */
  maxBatch?: number | undefined;
  /** Callers that wait, at the most; the next one gets a `QueueFullError`. Default: 10,000. */
  maxQueue?: number | undefined;
  /**
   * Statements under way at the same time, each of other codes and on a connection of the pool; as many again for codes
   * that somebody else holds. Few make large batches, which cost the server less for each redemption. Default: 2.
   */
  lanes?: number | undefined;
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

/** The last argument of methods that work on one code by its id. */
export interface CodeOptions extends CallOptions {
  /** The shop that the code must be of; a code of another shop is treated as if it did not exist. */
  shopId?: Id | undefined;
}

const BATCHING_RULE = 'must be true, false, or an object with maxBatch, maxQueue and lanes';
const RATE_LIMIT_RULE = 'must be true, false, or an object with failures and windowSeconds';

const batching = optionsOf({
  maxBatch: v.optional(wholeNumber(1, 10_000), 500),
  maxQueue: v.optional(wholeNumber(1, 1_000_000), 10_000),
  lanes: v.optional(wholeNumber(1, 64), 2),
});

export const repositoryOptions = v.optional(
  optionsOf({
    schema: schemaName,
    retry: v.optional(
      optionsOf({
        attempts: v.optional(wholeNumber(1, 100), 8),
        maxDelayMs: v.optional(wholeNumber(0, 60_000), 1_000),
      }),
      {},
    ),
    lockTimeoutMs: v.optional(wholeNumber(1, 600_000), 10_000),
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
  }),
  {},
);

/** What `batching: true` stands for. */
export const usualBatching = v.parse(batching, {});

export type ParsedRepositoryOptions = v.InferOutput<typeof repositoryOptions>;

/** It is indexed. */
const LONGEST_KEY = 1_000;
const KEY_RULE = `must be a string of 1 to ${LONGEST_KEY} bytes as UTF-8, without NUL and lone surrogates`;

const callEntries = {
  client: v.optional(
    v.custom<Queryable>(
      (value) => isQueryable(value) && !isPool(value),
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
const lastArgument = {
  ofCall: optionsOf(callEntries),
  ofCode: optionsOf({ ...callEntries, shopId: v.optional(v.unknown()) }),
};

function clientRule(client: unknown): string {
  if (isQueryable(client)) {
    return (
      'must be a client that is inside your transaction, and this is a pool, each of whose statements may run on another ' +
      'connection: pass what pool.connect() resolved to'
    );
  }
  const library = libraryOf(client);
  return library
    ? `must be a client with a query method, and this looks like ${library.name}: pass ${library.client}`
    : 'must be a client with a query method';
}

/** Checks the last argument of a method. */
export function parseCallOptions(
  options: unknown,
  callee: string,
  kind: keyof typeof lastArgument,
): CallOptions & { shopId?: unknown } {
  const library = libraryOf(options);
  if (!isQueryable(options) && !library) return parseOptions(lastArgument[kind], options, callee);
  const remedy = library ? `; this looks like ${library.name}: { client: ${library.client} }` : '';
  const received = describeReceived(options);
  throw new ValidationError([
    {
      path: 'options',
      message: `must be an object of options: a client goes into ${callee} as { client }${remedy}`,
      ...(received !== undefined && { received }),
    },
  ]);
}

export const poolArgument = v.object({ pool: v.custom<Database>(isQueryable, DATABASE_RULE) });

/**
 * Where a method's settings come before its last argument, its options may stand among the settings as well.
 */
export function splitOptions<Settings extends object>(
  settings: (Settings & CallOptions) | undefined,
  options: CallOptions | undefined,
): { settings: Partial<Settings>; options: CallOptions | undefined } {
  if (options !== undefined || typeof settings !== 'object' || settings === null) {
    return { settings: settings ?? {}, options };
  }
  // A client in the place of the settings is one in the wrong place, and not a wrong setting.
  if (isQueryable(settings)) return { settings: {}, options: settings as CallOptions };
  if (!('client' in settings)) return { settings, options };
  const { client, ...rest } = settings;
  return { settings: rest as unknown as Settings, options: client === undefined ? {} : { client } };
}
