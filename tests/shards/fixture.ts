import type pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { PromoCodeShards, type RedeemInput, type ShardsOptions } from '../../src/index';
import { type TestDatabase, useDatabase } from '../support';
import { type CuttingProxy, startProxy } from '../support/proxy';

export const NAMES = ['eu', 'us', 'asia'] as const;
export type ShardName = (typeof NAMES)[number];

export interface Three {
  readonly databases: Record<ShardName, TestDatabase>;
  /** That of asia leads through a proxy. */
  readonly pools: Record<ShardName, pg.Pool>;
  /** In front of asia. */
  readonly proxy: CuttingProxy;
  readonly shards: PromoCodeShards<ShardName>;
  newShards(options?: ShardsOptions): PromoCodeShards<ShardName>;
}

/** The shops of a database begin with its name: `eu-1`. */
export function shardOf(shopId: string): string {
  if (shopId === 'broken') throw new Error('the directory is down');
  return shopId.split('-')[0]!;
}

let customers = 0;
export function request(shopId: string, fields: Partial<RedeemInput> = {}) {
  customers += 1;
  return { code: 'SUMMER', customerAddress: `customer-${customers}`, baseReward: 10, ...fields, shopId };
}

/** Three databases, each with its tables, and a code SUMMER in a shop of each. */
export function useShards(label: string): Three {
  const databases = {
    eu: useDatabase(`${label} eu`),
    us: useDatabase(`${label} us`),
    asia: useDatabase(`${label} asia`),
  };
  const found: { proxy?: CuttingProxy; pools?: Record<ShardName, pg.Pool>; shards?: PromoCodeShards<ShardName> } = {};

  const newShards = (options: ShardsOptions = {}) =>
    new PromoCodeShards({ shards: found.pools!, shardOf }, { schema: 'shop', retry: { attempts: 2 }, ...options });

  beforeAll(async () => {
    found.proxy = await startProxy(databases.asia.url);
    const behind = databases.asia.poolWith({ max: 10 });
    Object.assign(behind.options, { connectionString: found.proxy.url });
    found.pools = { eu: databases.eu.pool, us: databases.us.pool, asia: behind };
    for (const database of Object.values(databases)) await database.sql('CREATE SCHEMA shop');
    found.shards = newShards();
    const numbers = { eu: 1, us: 2, asia: 3 };
    (
      await found.shards.install((name) => ({
        createTables: true,
        history: true,
        ids: { start: numbers[name], increment: 8 },
      }))
    ).orThrow();
    for (const name of NAMES) {
      await found.shards.create({ code: 'SUMMER', shopId: `${name}-1`, bonusValue: 5, perCustomerLimit: null });
    }
  });
  afterAll(() => found.proxy?.close());

  return {
    databases,
    get pools() {
      return found.pools!;
    },
    get proxy() {
      return found.proxy!;
    },
    get shards() {
      return found.shards!;
    },
    newShards,
  };
}
