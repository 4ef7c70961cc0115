// What the types of several databases promise. Compiled as contract.ts is. It never runs.
import type pg from 'pg';
import {
  type DriftRecord,
  type OfShop,
  type OverShards,
  PromoCodeRepository,
  PromoCodeShards,
  type PromoCodesError,
  type RedeemInput,
  type RepositoryOptions,
  type ShardsOptions,
  type ShopStats,
} from 'pg-promo-codes';

declare const pools: { eu: pg.Pool; us: pg.Pool; replica: pg.Pool; client: pg.Client };
declare const directory: Map<string, string>;

const shards = new PromoCodeShards({
  shards: { eu: pools.eu, us: { pool: pools.us, readPool: pools.replica } },
  shardOf: (shopId) => (shopId.startsWith('us-') ? 'us' : 'eu'),
});
/** Names that are known only when it runs. */
export const ofConfiguration = new PromoCodeShards({
  shards: Object.fromEntries([['eu', pools.eu]]),
  shardOf: (shopId) => directory.get(shopId) ?? 'eu',
});
export const repository: PromoCodeRepository = ofConfiguration.shard('anything');

export const wrong = [
  // @ts-expect-error A connection is no pool.
  new PromoCodeShards({ shards: { eu: pools.client }, shardOf: () => 'eu' }),
  // @ts-expect-error The directory may not know the shop.
  new PromoCodeShards({ shards: { eu: pools.eu }, shardOf: (shopId) => directory.get(shopId) }),
  // @ts-expect-error It is asked at once.
  new PromoCodeShards({ shards: { eu: pools.eu }, shardOf: async () => 'eu' }),
  // @ts-expect-error A replica is given with its database.
  new PromoCodeShards({ shards: { eu: pools.eu }, shardOf: () => 'eu' }, { readPool: pools.replica }),
  // @ts-expect-error A replica is a pool.
  new PromoCodeRepository(pools.eu, { readPool: pools.client }),
];
export const options: [RepositoryOptions, ShardsOptions] = [
  { readPool: undefined },
  { concurrency: undefined, schema: undefined },
];

/** Whatever names its shop. */
export async function ofAShop(request: OfShop<RedeemInput>): Promise<void> {
  await shards.redeem(request);
  await shards.redeemMany([request], { client: pools.client });
  await shards.findById(1, { shopId: request.shopId, fresh: true });
  await shards.rollbackUse(1, { reason: 'x', shopId: 'eu-1' });
  await shards.rollbackUse(1, { reason: 'x' }, { shopId: 'eu-1' });
  await shards.usesByCode(1, { limit: 1 }, { shopId: 'eu-1' });
  await shards.campaigns.addCodes(1, [2], { move: true, shopId: 'eu-1' });
  await shards.import([], { defaults: { shopId: 'eu-1' }, faultyRows: 'skip' });
  await shards.shop('eu-1').update(1, { name: 'x' });
}

/** Without the shop it is not known where to go. */
export async function withoutAShop(request: RedeemInput): Promise<void> {
  // @ts-expect-error
  await shards.redeem(request);
  // @ts-expect-error
  await shards.redeem({ code: 'X', customerAddress: 'a', baseReward: 1 });
  // @ts-expect-error
  await shards.redeemMany([{ code: 'X', customerAddress: 'a', baseReward: 1 }]);
  // @ts-expect-error
  await shards.create({ code: 'X', bonusValue: 1 });
  // @ts-expect-error
  await shards.findById(1);
  // @ts-expect-error
  await shards.findByCode('X');
  // @ts-expect-error
  await shards.list();
  // @ts-expect-error
  await shards.update(1, {}, {});
  // @ts-expect-error
  await shards.confirm(1);
  // @ts-expect-error
  await shards.rollbackUse(1, { reason: 'x' });
  // @ts-expect-error
  await shards.usageStats(1, { days: 1 });
  // @ts-expect-error
  await shards.history();
  // @ts-expect-error
  await shards.import([], {});
  // @ts-expect-error
  await shards.campaigns.delete(1);
  // @ts-expect-error A name that is none.
  shards.shard('asia');
  // @ts-expect-error Only what reads can be fresh.
  await shards.shard('eu').redeem(request, { fresh: true });
  // @ts-expect-error A transaction is of one database.
  await shards.releaseExpired({ client: pools.client });
}

/** What each answered is known by its name, and may not be there. */
export async function overAll(): Promise<number> {
  const checked: OverShards<'eu' | 'us', DriftRecord[]> = await shards.checkDrift();
  await shards.scrubDrift({ rowsPerSecond: 1_000 });
  await shards.archiveUses({ before: new Date(0), keepCustomers: false });
  // @ts-expect-error It archives nothing without being told what is old.
  await shards.archiveUses();
  const failure: PromoCodesError | undefined = checked.errors.eu;
  // @ts-expect-error It may have failed.
  checked.results.us.length;
  // @ts-expect-error No such database.
  checked.results.asia;
  const { eu, us } = checked.orThrow();
  const one: ShopStats = await shards.shopStats({ shopId: 'eu-1' });
  const all: OverShards<'eu' | 'us', ShopStats> = await shards.shopStats({ days: 1 });
  const counted = await shards.onEach(
    async (_repository, { name, pool }) => [name, (await pool.query('')).rows.length] as const,
  );
  const [name, rows]: readonly ['eu' | 'us', number] = counted.orThrow().eu;
  await shards.install((each) => ({ createTables: true, ids: { start: each === 'eu' ? 1 : 2, increment: 4 } }));
  return eu.length + us.length + one.codes + (all.results.eu?.codes ?? 0) + rows + name.length + (failure ? 1 : 0);
}
