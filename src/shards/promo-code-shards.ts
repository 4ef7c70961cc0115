import { type ArchiveReport, archiveUses } from '../archive/archive-uses.js';
import type { ArchiveOptions } from '../archive/options.js';
import { checkDriftOf } from '../drift/check-drift.js';
import type { DriftRecord } from '../drift/drift-record.js';
import type { CheckDriftOptions, RepairDriftOptions, ScrubDriftOptions } from '../drift/options.js';
import { repairDriftOf } from '../drift/repair-drift.js';
import { type ScrubReport, scrubDriftOf } from '../drift/scrub-drift.js';
import { ValidationError } from '../errors.js';
import type { ErasureReport } from '../history/erase-customer.js';
import type { HistoryPruneReport } from '../history/prune-history.js';
import { type InstallationState, inspectTriggers } from '../inspect/inspect-triggers.js';
import type { InstallOptions } from '../inspect/options.js';
import { installSchemaOf } from '../install/install-schema.js';
import { type InstallReport, installTriggersOf } from '../install/install-triggers.js';
import type { SchemaOption } from '../options.js';
import type { ConnectionPool } from '../postgres/database.js';
import type { Id } from '../repository/fields.js';
import type { ShopStatsInput } from '../repository/input-types.js';
import { READING, type ReadOptions, splitOptions } from '../repository/options.js';
import type { PromoCodeRepository } from '../repository/promo-code-repository.js';
import type { ShopStats } from '../repository/usage-stats.js';
import type { PruneReport, ReleaseReport } from '../repository/uses.js';
import {
  type OfShop,
  parseInstall,
  type ShardInstallOptions,
  type ShardMap,
  type ShardsOptions,
  splitShardsOptions,
} from './options.js';
import { type OverShards, overShards, toError } from './over-shards.js';
import { type Routes, refuseClient, type Shard } from './routes.js';
import { ShardsState, sharedIds } from './shared-ids.js';
import { routesOf, ShopMethods } from './shop-methods.js';

/** One of several databases, as `onEach` gives it. */
export interface ShardContext<Name extends string> {
  /** Its name. */
  name: Name;
  /** Its pool, for the functions of this library and the statements of the host. */
  pool: ConnectionPool;
  /** The pool of its replica, where it has one. */
  readPool: ConnectionPool | undefined;
}

/**
 * A repository over several databases, by shop: everything of a shop goes to the database that `shardOf` names for it. Make one
 * and keep it; the pools stay the host's.
 *
 * Methods about one shop are those of `PromoCodeRepository`, with two differences: the shop has to be given, where there is only
 * an id among the options (`{ shopId }`); and an error that comes from a database names it (`error.shard`).
 * `shop(shopId)` and `shard(name)` give the repository of a database itself. Methods over all databases answer with an
 * `OverShards`: what each database answered, and why others did not.
 *
 * @example
 * const shards = new PromoCodeShards({
 *   shards: { eu: new pg.Pool({ connectionString: process.env.EU_URL }), us: new pg.Pool({ connectionString: process.env.US_URL }) },
 *   shardOf: (shopId) => (shopId.startsWith('us-') ? 'us' : 'eu'),
 * });
 * const result = await shards.redeem({ code: 'SUMMER', shopId: 'us-7', customerAddress: 'ann', baseReward: '33.33' });
 * const { ok, results, errors } = await shards.checkDrift();
 */
export class PromoCodeShards<Name extends string = string> extends ShopMethods<Name> {
  readonly #concurrency: number;
  readonly #where: SchemaOption;

  /**
   * @param map the databases, and which shop is in which
   * @param options those of the repositories, which are the same for all databases, and `concurrency`
   * @throws ValidationError for a pool that is none, or stands under two names
   */
  constructor(map: ShardMap<Name>, options?: ShardsOptions) {
    super(map, options);
    const { concurrency, where } = splitShardsOptions(options);
    this.#concurrency = concurrency;
    this.#where = where;
  }

  /**
   * `installTriggers` on every database, or with `createTables` `installSchema`; safe at every start. Options may be a function of
   * the name, as for `ids`, of which each database has its own.
   * @example
   * const start = (name: string) => (name === 'eu' ? 1 : 2);
   * const installed = await shards.install((name) => ({ createTables: true, ids: { start: start(name), increment: 16 } }));
   * installed.orThrow();
   * @throws ValidationError for options that are wrong for any database, before anything is done; with the name where they are a
   * function of it
   */
  async install(
    options?: ShardInstallOptions | ((name: Name) => ShardInstallOptions),
  ): Promise<OverShards<Name, InstallReport>> {
    const given = new Map(
      this.names.map((name) => [
        name as string,
        typeof options === 'function' ? parseInstall(options(name), `${name}.`) : parseInstall(options),
      ]),
    );
    return this.#over(({ name, pool }) => {
      const { createTables, ids, ...own } = given.get(name)!;
      const located = this.#located(own);
      return createTables ? installSchemaOf(pool, { ...located, ids }, name) : installTriggersOf(pool, located, name);
    });
  }

  /**
   * `inspectTriggers` on every database, and whether ids of one can be those of another.
   * @example
   * const { ok, results, errors, sharedIds } = await shards.inspect();
   */
  async inspect(options?: InstallOptions): Promise<ShardsState<Name>> {
    const { results, errors } = await this.#over(({ pool }) => inspectTriggers(pool, this.#located(options)));
    return new ShardsState(results, errors, sharedIds(results as Record<Name, InstallationState>));
  }

  /**
   * `checkDrift` on every database: on its replica, where it has one that answers. With a `shopId` only on that of the shop. Ids of
   * codes and of campaigns are those of one database, so they need the `shopId`.
   * @example
   * const { results, errors } = await shards.checkDrift();
   * console.log(results.eu?.length, errors.us?.message);
   */
  checkDrift(options?: CheckDriftOptions): Promise<OverShards<Name, DriftRecord[]>> {
    return this.#over(({ pool, readPool, name }) => {
      const check = (from: ConnectionPool) => checkDriftOf(from, this.#located(options), name);
      if (readPool === undefined) return check(pool);
      return check(readPool).catch((error: unknown) => {
        if (error instanceof ValidationError) throw error;
        return check(pool);
      });
    }, options);
  }

  /**
   * `repairDrift` on every database; with a `shopId` only on that of the shop.
   * @example
   * const { results, errors } = await shards.repairDrift();
   */
  repairDrift(options?: RepairDriftOptions): Promise<OverShards<Name, DriftRecord[]>> {
    return this.#over(({ pool, name }) => repairDriftOf(pool, this.#located(options), name), options);
  }

  /**
   * `scrubDrift` on every database, `concurrency` at a time.
   * @example
   * const { results, errors } = await shards.scrubDrift({ rowsPerSecond: 5_000, signal });
   */
  scrubDrift(options?: ScrubDriftOptions): Promise<OverShards<Name, ScrubReport>> {
    return this.#over(({ pool, name }) => scrubDriftOf(pool, this.#located(options), name), options);
  }

  /**
   * `archiveUses` in every database; where one fails, what the others have archived stays archived.
   * @example
   * const { results, errors } = await shards.archiveUses({ before: '2024-01-01T00:00:00Z' });
   */
  archiveUses(options: ArchiveOptions): Promise<OverShards<Name, ArchiveReport>> {
    return this.#over(({ pool }) => archiveUses(pool, this.#located(options)), options);
  }

  /**
   * `releaseExpired` in every database, up to `limit` holds in each.
   * @example
   * const { results } = await shards.releaseExpired();
   */
  releaseExpired(limits?: { limit?: number | undefined }): Promise<OverShards<Name, ReleaseReport>> {
    return this.#over(({ repository }) => repository.releaseExpired(limits), limits);
  }

  /**
   * `pruneIdempotencyKeys` in every database, up to `limit` keys in each.
   * @example
   * const { results } = await shards.pruneIdempotencyKeys({ olderThanDays: 90 });
   */
  pruneIdempotencyKeys(age: {
    olderThanDays: number;
    limit?: number | undefined;
  }): Promise<OverShards<Name, PruneReport>> {
    return this.#over(({ repository }) => repository.pruneIdempotencyKeys(age), age);
  }

  /**
   * `pruneHistory` in every database.
   * @example
   * const { results } = await shards.pruneHistory({ before: '2025-01-01T00:00:00Z' });
   */
  pruneHistory(input: { before: Date | string }): Promise<OverShards<Name, HistoryPruneReport>> {
    return this.#over(({ repository }) => repository.pruneHistory(input), input);
  }

  /**
   * `eraseCustomer` in every database; for one shop's database alone, `shards.shop(shopId).eraseCustomer()`. Where one fails, call
   * it again with another replacement: where the customer is gone already, it changes nothing.
   * @example
   * const { ok, errors } = await shards.eraseCustomer('ann@example.com', { replacement: `erased-${randomUUID()}` });
   */
  eraseCustomer(customerAddress: Id, input: { replacement: Id }): Promise<OverShards<Name, ErasureReport>> {
    return this.#over(({ repository }) => repository.eraseCustomer(customerAddress, input), input);
  }

  /**
   * `shopStats` of a shop; without one, those of all codes of each database.
   * @example
   * const { totalBonus } = await shards.shopStats({ shopId: 'shop-1', days: 7 });
   * const { results, errors } = await shards.shopStats({ days: 7, top: 5 });
   */
  shopStats(period: OfShop<ShopStatsInput> & ReadOptions, last?: ReadOptions): Promise<ShopStats>;
  shopStats(
    period?: Omit<ShopStatsInput, 'shopId'> & { shopId?: undefined; fresh?: boolean | undefined },
  ): Promise<OverShards<Name, ShopStats>>;
  async shopStats(
    period?: ShopStatsInput & ReadOptions,
    last?: ReadOptions,
  ): Promise<ShopStats | OverShards<Name, ShopStats>> {
    const { settings, options } = splitOptions(period, last, READING);
    if (settings.shopId !== undefined) return this.#routes.ofInput(settings).repository.shopStats(settings, options);
    return this.#over(({ repository }) => repository.shopStats(settings, options), options);
  }

  /**
   * Runs a function with every database, `concurrency` at once. What it throws is in `errors`, and stops no other.
   * @example
   * const closed = await shards.onEach((repository, { name }) => countOf(repository, name));
   */
  onEach<Result>(
    work: (repository: PromoCodeRepository, shard: ShardContext<Name>) => Result | Promise<Result>,
  ): Promise<OverShards<Name, Result, Error>> {
    const each = async ({ repository, pool, readPool, name }: Shard) =>
      work(repository, { name: name as Name, pool, readPool });
    return this.#routes.whileOpen(() => overShards(this.#routes.all, this.#concurrency, each, toError));
  }

  /** How many redemptions of all databases wait at this moment for a statement: see `queueLength` of the repository. */
  get queueLength(): number {
    return this.#routes.all.reduce((sum, { repository }) => sum + repository.queueLength, 0);
  }

  /**
   * `close` of every repository: waits for the calls under way, and refuses every further one. The pools stay the host's.
   * @example
   * await shards.close();
   * await Promise.all([eu.end(), us.end()]);
   */
  close(): Promise<void> {
    return this.#routes.close();
  }

  get #routes(): Routes {
    return routesOf(this);
  }

  /** The tables are where those of the repositories are, unless it is said otherwise. */
  #located<Options extends SchemaOption>(options: Options | undefined): Options {
    if (options !== undefined && (typeof options !== 'object' || options === null)) return options;
    return { ...this.#where, ...options } as Options;
  }

  /** @param options where only the database of a shop is meant, the shop stands in them */
  async #over<Result>(work: (shard: Shard) => Promise<Result>, options?: object): Promise<OverShards<Name, Result>> {
    refuseClient(options, 'a call over all databases');
    const routes = this.#routes;
    return routes.whileOpen(() => overShards(meant(routes, options), this.#concurrency, work));
  }
}

/** @throws ValidationError for ids without the database that they are of */
function meant(
  routes: Routes,
  options: { shopId?: unknown; promoCodeIds?: unknown; campaignIds?: unknown } = {},
): Shard[] {
  if (typeof options !== 'object' || options === null) return routes.all;
  const { shopId, promoCodeIds, campaignIds } = options;
  if (shopId !== undefined) return [routes.of(shopId)];
  const path = promoCodeIds !== undefined ? 'promoCodeIds' : campaignIds !== undefined ? 'campaignIds' : undefined;
  if (path === undefined) return routes.all;
  throw new ValidationError([
    { path, message: 'must be given with the shopId of these: ids are those of one database' },
  ]);
}
