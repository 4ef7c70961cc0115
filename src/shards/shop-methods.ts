import type { HistoryPage } from '../history/read-history.js';
import type { PromoCodeUse } from '../redemption/promo-code-use.js';
import type { RedeemResult } from '../redemption/results.js';
import type { Page } from '../repository/cursor.js';
import type { Id } from '../repository/fields.js';
import type { ImportReport, ImportRows } from '../repository/import-codes.js';
import type {
  AmendInput,
  CodeTemplate,
  CreateInput,
  CustomerUsesInput,
  GenerateInput,
  HistoryInput,
  ImportInput,
  ListInput,
  PageInput,
  RedeemInput,
  RollbackDetails,
  StatsInput,
  UpdateInput,
  ValidateInput,
} from '../repository/input-types.js';
import {
  type CallOptions,
  type CodeOptions,
  GUARDED,
  GUARDED_READING,
  type ReadCodeOptions,
  type ReadOptions,
  splitOptions,
} from '../repository/options.js';
import type { PromoCode } from '../repository/promo-code.js';
import type { PromoCodeRepository } from '../repository/promo-code-repository.js';
import type { UsageStats } from '../repository/usage-stats.js';
import type { RollbackReport } from '../repository/uses.js';
import type { ValidateResult } from '../repository/validate.js';
import { ShardedCampaigns } from './campaigns.js';
import { type OfShop, parseMap, type ShardMap, type ShardsOptions, splitShardsOptions } from './options.js';
import { redeemOver } from './redeem-many.js';
import { Routes } from './routes.js';

/** Beside the objects, so that a host has no access. */
const routes = new WeakMap<object, Routes>();

/** Where the calls of a `PromoCodeShards` go. */
export function routesOf(shards: object): Routes {
  return routes.get(shards)!;
}

/** The methods that are about one shop, and go to its database. */
export abstract class ShopMethods<Name extends string> {
  /**
   * As `campaigns` of the repository, each call for one shop.
   * @example
   * const { items } = await shards.campaigns.list({ shopId: 'shop-1' });
   */
  readonly campaigns: ShardedCampaigns;

  /**
   * @param map the databases, and which shop is in which
   * @param options those of the repositories, and `concurrency`
   * @throws ValidationError for a pool that is none, or stands under two names
   */
  constructor(map: ShardMap<Name>, options?: ShardsOptions) {
    const { shards, shardOf } = parseMap(map);
    const own = new Routes(shards, shardOf, splitShardsOptions(options).ofRepository);
    routes.set(this, own);
    this.campaigns = new ShardedCampaigns((input) => own.ofInput(input).repository);
  }

  /** The names of the databases, in the order in which they were handed in. */
  get names(): Name[] {
    return routesOf(this).all.map(({ name }) => name as Name);
  }

  /**
   * The repository of the database that a shop is in, for methods that take an id. It takes only shops of that database.
   * @example
   * await shards.shop('shop-1').rollbackUse(useId);
   * @throws ValidationError where no shop is given, and where `shardOf` does not know it
   */
  shop(shopId: Id): PromoCodeRepository {
    return routesOf(this).of(shopId).repository;
  }

  /**
   * The repository of a database. It takes only shops of that database.
   * @example
   * for await (const record of shards.shard('eu').followHistory({ after, signal })) await send(record);
   * @throws ValidationError for a name that is none
   */
  shard(name: Name): PromoCodeRepository {
    return routesOf(this).named(name).repository;
  }

  /**
   * As `redeem` of the repository, in the database of the shop. A `client` has to be one of that database.
   * @example
   * const result = await shards.redeem({ code: 'SUMMER', shopId: 'shop-1', customerAddress: 'ann', baseReward: '33.33' });
   * @throws ValidationError also where no shop is given, and where `shardOf` does not know it: as every method here
   */
  async redeem(request: OfShop<RedeemInput>, options?: CallOptions): Promise<RedeemResult> {
    return this.#of(request).redeem(request, options);
  }

  /**
   * As `redeem` for requests of several shops: each database gets its own as one statement and one transaction, all at once, and
   * the results are in the order of the requests. What is wrong with any request is thrown before anything is sent.
   *
   * It is atomic in each database, not over several: where one fails, what the others have committed stays, and is in `results` of
   * the error. Give every request an `idempotencyKey`, and the whole call can be repeated. A `client` is of one database: with
   * requests of several it is refused.
   * @example
   * const results = await shards.redeemMany(orders.map((order) => ({ ...order, idempotencyKey: order.id })));
   * @throws ShardsError where one of several databases failed
   */
  async redeemMany(requests: readonly OfShop<RedeemInput>[], options?: CallOptions): Promise<RedeemResult[]> {
    return redeemOver(routesOf(this), requests, options);
  }

  /**
   * As `reserve` of the repository, in the database of the shop. It is confirmed there: `{ shopId }`.
   * @example
   * const hold = await shards.reserve({ ...request, ttlSeconds: 15 * 60 });
   */
  async reserve(request: OfShop<RedeemInput> & { ttlSeconds: number }, options?: CallOptions): Promise<RedeemResult> {
    return this.#of(request).reserve(request, options);
  }

  /**
   * As `validate` of the repository, in the database of the shop.
   * @example
   * const preview = await shards.validate({ code, shopId, customerAddress, baseReward: '33.33' });
   */
  async validate(request: OfShop<ValidateInput>, options?: ReadOptions): Promise<ValidateResult> {
    return this.#of(request).validate(request, options);
  }

  /**
   * As `confirm` of the repository.
   * @example
   * await shards.confirm(hold.use.id, { transactionId: payment.id }, { shopId: hold.use.shopId });
   */
  confirm(useId: Id, details: { transactionId?: Id | undefined } & OfShop<CodeOptions>): Promise<PromoCodeUse>;
  confirm(
    useId: Id,
    details: { transactionId?: Id | undefined } | undefined,
    options: OfShop<CodeOptions>,
  ): Promise<PromoCodeUse>;
  async confirm(
    useId: Id,
    details?: { transactionId?: Id | undefined } & CodeOptions,
    last?: CodeOptions,
  ): Promise<PromoCodeUse> {
    const { settings, options } = splitOptions(details, last, GUARDED);
    return this.#of(options).confirm(useId, settings, options);
  }

  /**
   * As `rollbackUse` of the repository.
   * @example
   * await shards.rollbackUse(use.id, { reason: 'order cancelled' }, { shopId: use.shopId });
   */
  rollbackUse(useId: Id, details: RollbackDetails & OfShop<CodeOptions>): Promise<RollbackReport>;
  rollbackUse(useId: Id, details: RollbackDetails | undefined, options: OfShop<CodeOptions>): Promise<RollbackReport>;
  async rollbackUse(useId: Id, details?: RollbackDetails & CodeOptions, last?: CodeOptions): Promise<RollbackReport> {
    const { settings, options } = splitOptions(details, last, GUARDED);
    return this.#of(options).rollbackUse(useId, settings, options);
  }

  /**
   * As `amendUse` of the repository.
   * @example
   * await shards.amendUse(use.id, { baseReward: '30.00' }, { shopId: use.shopId });
   */
  async amendUse(useId: Id, changes: AmendInput, options: OfShop<CodeOptions>): Promise<PromoCodeUse> {
    return this.#of(options).amendUse(useId, changes, options);
  }

  /**
   * As `create` of the repository, in the database of the shop.
   * @example
   * const code = await shards.create({ code: 'SUMMER', shopId: 'shop-1', bonusValue: '5.00' });
   */
  async create(input: OfShop<CreateInput>, options?: CallOptions): Promise<PromoCode> {
    return this.#of(input).create(input, options);
  }

  /**
   * As `ensure` of the repository, in the database of the shop.
   * @example
   * await shards.ensure({ code: 'WELCOME', shopId: 'shop-1', bonusValue: '5.00' });
   */
  async ensure(input: OfShop<CreateInput>, options?: CallOptions): Promise<PromoCode> {
    return this.#of(input).ensure(input, options);
  }

  /**
   * As `generate` of the repository, in the database of the shop.
   * @example
   * const codes = await shards.generate({ shopId: 'shop-1', count: 10_000, bonusValue: 5 });
   */
  async generate(input: OfShop<GenerateInput>, options?: CallOptions): Promise<PromoCode[]> {
    return this.#of(input).generate(input, options);
  }

  /**
   * As `import` of the repository, for the shop of the defaults. A row may name another shop, as long as that is in the same
   * database; otherwise it is faulty.
   * @example
   * const { created, faults } = await shards.import(rows, { defaults: { shopId: 'shop-1' } });
   */
  async import(
    rows: ImportRows,
    settings: Omit<ImportInput, 'defaults'> & {
      defaults: OfShop<{ [Field in keyof CodeTemplate]?: CodeTemplate[Field] | undefined }>;
    } & CallOptions,
    last?: CallOptions,
  ): Promise<ImportReport> {
    const { defaults } = (settings ?? {}) as Partial<typeof settings>;
    return routesOf(this).of(defaults?.shopId, 'defaults.shopId').repository.import(rows, settings, last);
  }

  /**
   * As `findById` of the repository.
   * @example
   * const code = await shards.findById(params.id, { shopId: session.shopId });
   */
  async findById(id: Id, options: OfShop<ReadCodeOptions>): Promise<PromoCode | null> {
    return this.#of(options).findById(id, options);
  }

  /**
   * As `findByCode` of the repository, in the database of the shop.
   * @example
   * const code = await shards.findByCode('summer', 'shop-1');
   */
  async findByCode(code: string, shopId: Id, options?: ReadOptions): Promise<PromoCode | null> {
    return this.#of({ shopId }).findByCode(code, shopId, options);
  }

  /**
   * As `list` of the repository, for one shop. For all codes of a database: `shards.shard(name).list()`.
   * @example
   * const { items, nextCursor } = await shards.list({ shopId: 'shop-1', state: 'redeemable' });
   */
  async list(filter: OfShop<ListInput> & ReadOptions, last?: ReadOptions): Promise<Page<PromoCode>> {
    return this.#of(filter).list(filter, last);
  }

  /**
   * As `update` of the repository.
   * @example
   * await shards.update(code.id, { endDate: null }, { shopId: code.shopId });
   */
  async update(id: Id, patch: UpdateInput, options: OfShop<CodeOptions>): Promise<PromoCode> {
    return this.#of(options).update(id, patch, options);
  }

  /**
   * As `activate` of the repository.
   * @example
   * await shards.activate(code.id, { shopId: code.shopId });
   */
  async activate(id: Id, options: OfShop<CodeOptions>): Promise<PromoCode> {
    return this.#of(options).activate(id, options);
  }

  /**
   * As `deactivate` of the repository.
   * @example
   * await shards.deactivate(code.id, { shopId: code.shopId });
   */
  async deactivate(id: Id, options: OfShop<CodeOptions>): Promise<PromoCode> {
    return this.#of(options).deactivate(id, options);
  }

  /**
   * As `delete` of the repository.
   * @example
   * await shards.delete(code.id, { shopId: code.shopId });
   */
  async delete(id: Id, options: OfShop<CodeOptions>): Promise<PromoCode> {
    return this.#of(options).delete(id, options);
  }

  /**
   * As `usesByCustomer` of the repository, in one shop.
   * @example
   * const { items } = await shards.usesByCustomer('ann@example.com', { shopId: 'shop-1' });
   */
  async usesByCustomer(
    customerAddress: Id,
    page: OfShop<CustomerUsesInput> & ReadOptions,
    last?: ReadOptions,
  ): Promise<Page<PromoCodeUse>> {
    return this.#of(page).usesByCustomer(customerAddress, page, last);
  }

  /**
   * As `usesByCode` of the repository.
   * @example
   * const { items } = await shards.usesByCode(code.id, { shopId: code.shopId, limit: 100 });
   */
  usesByCode(promoCodeId: Id, page: PageInput & OfShop<ReadCodeOptions>): Promise<Page<PromoCodeUse>>;
  usesByCode(
    promoCodeId: Id,
    page: PageInput | undefined,
    options: OfShop<ReadCodeOptions>,
  ): Promise<Page<PromoCodeUse>>;
  async usesByCode(
    promoCodeId: Id,
    page?: PageInput & ReadCodeOptions,
    last?: ReadCodeOptions,
  ): Promise<Page<PromoCodeUse>> {
    const { settings, options } = splitOptions(page, last, GUARDED_READING);
    return this.#of(options).usesByCode(promoCodeId, settings, options);
  }

  /**
   * As `usageStats` of the repository.
   * @example
   * const { perDay } = await shards.usageStats(code.id, { shopId: code.shopId, days: 7 });
   */
  usageStats(promoCodeId: Id, period: StatsInput & OfShop<ReadCodeOptions>): Promise<UsageStats>;
  usageStats(promoCodeId: Id, period: StatsInput | undefined, options: OfShop<ReadCodeOptions>): Promise<UsageStats>;
  async usageStats(
    promoCodeId: Id,
    period?: StatsInput & ReadCodeOptions,
    last?: ReadCodeOptions,
  ): Promise<UsageStats> {
    const { settings, options } = splitOptions(period, last, GUARDED_READING);
    return this.#of(options).usageStats(promoCodeId, settings, options);
  }

  /**
   * As `history` of the repository, of one shop. Cursors are of one database.
   * @example
   * const { items } = await shards.history({ promoCodeId: code.id, shopId: code.shopId });
   */
  history(filter: HistoryInput & OfShop<ReadCodeOptions>): Promise<HistoryPage>;
  history(filter: HistoryInput | undefined, options: OfShop<ReadCodeOptions>): Promise<HistoryPage>;
  async history(filter?: HistoryInput & ReadCodeOptions, last?: ReadCodeOptions): Promise<HistoryPage> {
    const { settings, options } = splitOptions(filter, last, GUARDED_READING);
    return this.#of(options).history(settings, options);
  }

  /** What is no object has no shop. */
  #of(input: { shopId?: unknown } | undefined): PromoCodeRepository {
    return routesOf(this).ofInput(input).repository;
  }
}
