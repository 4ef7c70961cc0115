import * as v from 'valibot';
import { ValidationError, type ValidationIssue } from '../errors.js';
import { installOptions } from '../inspect/options.js';
import { idsOption } from '../install/ids.js';
import type { SchemaOptions } from '../install/install-schema.js';
import {
  isQueryable,
  optionsOf,
  parseOptions,
  parseTogether,
  readable,
  type SchemaOption,
  trueOrFalse,
  wholeNumber,
} from '../options.js';
import { type ConnectionPool, type Database, isPool } from '../postgres/database.js';
import { isPglite } from '../postgres/other-libraries.js';
import { describeReceived } from '../received.js';
import type { Id } from '../repository/fields.js';
import type { RepositoryOptions } from '../repository/options.js';

/** One of several databases, with a replica. */
export interface ShardPools {
  /** The database, for everything that writes and everything that has to be fresh. */
  pool: ConnectionPool;
  /** Its replica: the option `readPool` of the repository. Checks of drift go there as well. */
  readPool?: ConnectionPool | undefined;
}

/** Where the shops are. */
export interface ShardMap<Name extends string> {
  /** The databases by their names: a pool each, or `{ pool, readPool }`. No pool stands under two names. */
  shards: { readonly [Each in Name]: ConnectionPool | ShardPools };
  /**
   * The name of the database of a shop. It is asked at every call, at once (no promise), and has to know every shop. What it
   * throws, and a name that is none, is a `ValidationError` of the call, before anything is written.
   *
   * It is given the shop as the call has it, as a text: where several spellings are one shop (UUIDs in upper and lower case), it
   * has to answer the same for each.
   */
  shardOf(shopId: string): string;
}

/** Options of a `PromoCodeShards`: those of a repository, which are the same for all databases. */
export interface ShardsOptions extends Omit<RepositoryOptions, 'readPool'> {
  /** How many databases a call that goes over all works on at once. Default: 4. */
  concurrency?: number | undefined;
}

/** An input of which the shop has to be given, since it says which database is meant. */
export type OfShop<Input> = Omit<Input, 'shopId'> & {
  /** The shop. Its database is asked. */
  shopId: Id;
};

/** Options of `install` of a `PromoCodeShards`. */
export interface ShardInstallOptions extends SchemaOptions {
  /** Whether tables that are missing are created: `installSchema` instead of `installTriggers`. Default: `false`. */
  createTables?: boolean | undefined;
}

/** A database as it was handed in. */
export interface GivenShard {
  name: string;
  pool: ConnectionPool;
  readPool: ConnectionPool | undefined;
}

const CALLEE = 'new PromoCodeShards()';
const POOL_RULE =
  'must be a pool of node-postgres, or anything with the same query and connect methods, or { pool, readPool } of these';
const NAME_RULE = 'must have names of 1 to 100 characters';

const map = optionsOf({
  shards: v.custom<Record<string, unknown>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && !isQueryable(value),
    'must be an object of pools by the names of the databases: { eu: pool, us: pool }',
  ),
  shardOf: v.custom<(shopId: string) => unknown>(
    (value) => typeof value === 'function',
    'must be a function that answers with the name of the database of a shop',
  ),
});

/** @throws ValidationError with all that is wrong */
export function parseMap(given: unknown): { shards: GivenShard[]; shardOf: (shopId: string) => unknown } {
  const { shards, shardOf } = parseOptions(map, given, CALLEE, 'map');
  const issues: ValidationIssue[] = [];
  const found: GivenShard[] = [];
  const owners = new Map<Database, string>();
  const entries = readable('shards', () => Object.entries(shards));
  if (entries.length === 0) issues.push({ path: 'shards', message: 'must name one database at least' });
  for (const [name, value] of entries) {
    const path = `shards.${name}`;
    const issue = (at: string, message: string, received: unknown) => {
      const shown = describeReceived(received);
      issues.push({ path: at, message, ...(shown !== undefined && { received: shown }) });
    };
    if (name === '' || name.length > 100) issue('shards', NAME_RULE, name);
    const pools = isQueryable(value) ? { pool: value } : readable(path, () => ({ ...(value as object) }));
    const { pool, readPool, ...others } = pools as { pool?: unknown; readPool?: unknown };
    const [unknown] = Object.keys(others);
    if (unknown !== undefined)
      issue(`${path}.${unknown}`, 'is not a field of a database; the fields are pool, readPool', undefined);
    if (!isPoolOf(pool))
      issue(isQueryable(value) || pool === undefined ? path : `${path}.pool`, POOL_RULE, pool ?? value);
    if (readPool !== undefined && !isPoolOf(readPool)) issue(`${path}.readPool`, 'must be a pool', readPool);
    if (!isPoolOf(pool)) continue;
    const owner = owners.get(pool);
    if (owner !== undefined)
      issue(path, `must be a pool of its own, and this is that of shards.${owner} as well`, undefined);
    owners.set(pool, name);
    found.push({ name, pool, readPool: isPoolOf(readPool) ? readPool : undefined });
  }
  if (issues.length > 0) throw new ValidationError(issues);
  return { shards: found, shardOf };
}

function isPoolOf(value: unknown): value is ConnectionPool {
  return isQueryable(value) && isPool(value) && !isPglite(value);
}

const ownOptions = v.object({ concurrency: v.optional(wholeNumber(1, 1_000), 4) });

/** Those of its own, and those of the repositories, which check theirs. */
export function splitShardsOptions(options: ShardsOptions | undefined): {
  concurrency: number;
  ofRepository: RepositoryOptions | undefined;
  where: SchemaOption;
} {
  if (typeof options !== 'object' || options === null) return { concurrency: 4, ofRepository: options, where: {} };
  const { concurrency, ...ofRepository } = readable('options', () => ({ ...options }));
  const { schema, librarySchema } = ofRepository;
  if ('readPool' in ofRepository && ofRepository.readPool !== undefined) {
    const message = 'must be given with the database that it is a replica of: shards: { name: { pool, readPool } }';
    throw new ValidationError([{ path: 'readPool', message }]);
  }
  return { ...parseOptions(ownOptions, { concurrency }, CALLEE), ofRepository, where: { schema, librarySchema } };
}

const installing = v.object({ createTables: v.optional(trueOrFalse, false), ids: idsOption });
const INSTALL = 'install()';

/**
 * Checks what can be checked before any database is asked.
 * @param prefix of the paths of what is wrong
 * @throws ValidationError
 */
export function parseInstall(options: ShardInstallOptions | undefined, prefix = ''): ShardInstallOptions {
  try {
    if (typeof options !== 'object' || options === null) return parseOptions(installOptions, options, INSTALL);
    const { createTables, ids, ...own } = readable('options', () => ({ ...options }));
    const parsed = parseTogether({
      installing: () => parseOptions(installing, { createTables, ids }, INSTALL),
      own: () => parseOptions(installOptions, own, INSTALL),
    });
    if (ids !== undefined && !parsed.installing.createTables) {
      const message = 'must be left out without createTables: it is about tables that are created';
      throw new ValidationError([{ path: 'ids', message }]);
    }
    return { ...own, ...parsed.installing };
  } catch (error) {
    if (prefix === '' || !(error instanceof ValidationError)) throw error;
    throw new ValidationError(error.issues.map((issue) => ({ ...issue, path: `${prefix}${issue.path}` })));
  }
}
