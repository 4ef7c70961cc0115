import { describe, expect, it } from 'vitest';
import { type PromoCode, PromoCodeRepository, PromoCodeShards, type ShardMap, ValidationError } from '../../src/index';
import { intercepted } from '../support/intercepted';
import { NAMES, request, type ShardName, shardOf, useShards } from './fixture';

const t = useShards('shops');

/** How many rows a database has of a shop. */
async function rowsOf(name: ShardName, shopId: string): Promise<number> {
  const { rows } = await t.databases[name].sql<{ n: string }>(
    'SELECT count(*) AS n FROM shop.promo_codes WHERE shop_id = $1',
    [shopId],
  );
  return Number(rows[0]!.n);
}

it('everything of a shop is in its database, and in no other', async () => {
  const shopId = 'us-7';
  const { shards } = t;
  const code = await shards.create({ code: 'A', shopId, bonusValue: 5, perCustomerLimit: null });
  const options = { shopId };
  expect(await shards.ensure({ code: 'A', shopId, bonusValue: 5 })).toEqual(code);
  await shards.generate({ shopId, count: 2, bonusValue: 5 });
  expect(await shards.import([{ code: 'B', bonusValue: 5 }], { defaults: { shopId } })).toMatchObject({ created: 1 });
  const first = await shards.redeem(request(shopId, { code: 'A', customerAddress: 'ann' }));
  if (!first.ok) throw new Error(first.message);
  const hold = await shards.reserve({ ...request(shopId, { code: 'A' }), ttlSeconds: 60 });
  if (!hold.ok) throw new Error(hold.message);
  expect(await shards.confirm(hold.use.id, { transactionId: 'x', shopId })).toMatchObject({ transactionId: 'x' });
  expect(await shards.confirm(hold.use.id, { transactionId: 'x' }, options)).toMatchObject({ id: hold.use.id });
  expect(await shards.amendUse(first.use.id, { bonusAmount: 6 }, options)).toMatchObject({ bonusAmount: '6.00' });
  expect(await shards.rollbackUse(hold.use.id, { reason: 'x' }, options)).toEqual({ rolledBack: true });
  expect(await shards.rollbackUse(hold.use.id, { reason: 'x', shopId })).toEqual({ rolledBack: false });
  expect(await shards.validate(request(shopId, { code: 'A' }) as never)).toMatchObject({ valid: true });
  expect(await shards.findById(code.id, options)).toMatchObject({ timesUsed: 1 });
  expect(await shards.findByCode('a', shopId)).toMatchObject({ id: code.id });
  expect((await shards.list(options)).items).toHaveLength(4);
  expect((await shards.usesByCustomer('ann', options)).items).toHaveLength(1);
  expect((await shards.usesByCode(code.id, { limit: 1, shopId })).items).toHaveLength(1);
  expect((await shards.usesByCode(code.id, { limit: 1 }, options)).items).toHaveLength(1);
  expect(await shards.usageStats(code.id, { days: 1, shopId })).toMatchObject({ totalUses: 1 });
  expect(await shards.shopStats({ shopId })).toMatchObject({ totalUses: 1, codes: 4 });
  expect((await shards.history({ shopId, useId: first.use.id })).items.map(({ kind }) => kind)).toEqual([
    'redeemed',
    'amended',
  ]);
  expect((await shards.history({ useId: hold.use.id }, options)).items).toHaveLength(3);
  expect(await shards.update(code.id, { name: 'x' }, options)).toMatchObject({ name: 'x' });
  expect(await shards.deactivate(code.id, options)).toMatchObject({ isActive: false });
  expect(await shards.activate(code.id, options)).toMatchObject({ isActive: true });

  const campaign = await shards.campaigns.create({ shopId, name: 'Summer' });
  expect(await shards.campaigns.addCodes(campaign.id, [code.id], { move: true, shopId })).toEqual({
    added: 1,
    moved: 0,
  });
  expect(await shards.campaigns.update(campaign.id, { name: 'Winter' }, options)).toMatchObject({ timesUsed: 1 });
  expect(await shards.campaigns.findById(campaign.id, options)).toMatchObject({ name: 'Winter' });
  expect((await shards.campaigns.list({ shopId })).items).toHaveLength(1);
  expect(await shards.campaigns.removeCodes(campaign.id, [code.id], options)).toEqual({ removed: 1 });
  await shards.campaigns.delete(campaign.id, options);
  expect(await rowsOf('us', shopId)).toBe(4);
  await shards.delete(code.id, options);
  expect(await Promise.all(NAMES.map((name) => rowsOf(name, shopId)))).toEqual([0, 3, 0]);
});

it('gives the repository of a shop and of a database, which takes no shop of another', async () => {
  const { shards } = t;
  expect(shards.names).toEqual([...NAMES]);
  const eu = shards.shop('eu-1');
  expect(eu).toBeInstanceOf(PromoCodeRepository);
  expect(shards.shard('eu')).toBe(eu);
  expect(await eu.findByCode('SUMMER')).toMatchObject({ shopId: 'eu-1' });
  const rule = 'must be a shop of the shard eu, and shardOf says us';
  await expect(eu.redeem(request('us-1'))).rejects.toThrow(`shopId: ${rule}`);
  await expect(eu.redeemMany([request('eu-1'), request('us-1')])).rejects.toThrow(`1.shopId: ${rule}`);
  await expect(eu.create({ code: 'X', shopId: 'us-1', bonusValue: 1 })).rejects.toThrow(rule);
  await expect(eu.findById(1, { shopId: 'us-1' })).rejects.toThrow(rule);
  await expect(eu.list({ shopId: 'us-1' })).rejects.toThrow(rule);
  await expect(eu.campaigns.create({ shopId: 'us-1', name: 'x' })).rejects.toThrow(rule);
  await expect(eu.redeem(request('nowhere-1'))).rejects.toThrow('must be a shop of the shard eu, and shardOf: must be');
  const rows = [
    { code: 'HERE', shopId: 'eu-9', bonusValue: 1 },
    { code: 'THERE', shopId: 'us-9', bonusValue: 1 },
  ];
  const imported = await shards.import(rows, { defaults: { shopId: 'eu-1' } });
  expect(imported).toMatchObject({ created: 0, faults: [{ row: 1, path: 'rows[1].shopId', message: rule }] });
  expect(() => shards.shard('africa' as never)).toThrow("name: must be the name of a shard, one of 'eu', 'us', 'asia'");
});

describe('a shop that no database is known for', () => {
  it.each([
    [undefined, /^shopId: must be given, as a string/],
    [null, /^shopId: must be given/],
    [' ', /^shopId: must be given/],
    [{}, /^shopId: must be given/],
    [1.5, /^shopId: must be given/],
    [
      'nowhere-1',
      /^shardOf: must be the name of a shard, one of 'eu', 'us', 'asia', for the shop 'nowhere-1'; received 'nowhere'/,
    ],
    ['broken', /^shardOf: threw for the shop 'broken': the directory is down/],
  ])('%o is told before anything is sent', async (shopId, message) => {
    const { shards } = t;
    const wrong = { shopId } as { shopId: string };
    const calls: (() => unknown)[] = [
      () => shards.redeem({ ...request('eu-1'), ...wrong }),
      () => shards.reserve({ ...request('eu-1'), ...wrong, ttlSeconds: 1 }),
      () => shards.validate({ code: 'X', customerAddress: 'a', ...wrong }),
      () => shards.create({ code: 'X', bonusValue: 1, ...wrong }),
      () => shards.ensure({ code: 'X', bonusValue: 1, ...wrong }),
      () => shards.generate({ count: 1, bonusValue: 1, ...wrong }),
      () => shards.findByCode('X', wrong.shopId),
      () => shards.findById(1, wrong),
      () => shards.list(wrong),
      () => shards.update(1, {}, wrong),
      () => shards.activate(1, wrong),
      () => shards.deactivate(1, wrong),
      () => shards.delete(1, wrong),
      () => shards.confirm(1, {}, wrong),
      () => shards.confirm(1, { ...wrong }),
      () => shards.rollbackUse(1, {}, wrong),
      () => shards.amendUse(1, {}, wrong),
      () => shards.usesByCustomer('a', wrong),
      () => shards.usesByCode(1, { limit: 1 }, wrong),
      () => shards.usageStats(1, {}, wrong),
      () => shards.history(wrong),
      () => shards.campaigns.create({ name: 'x', ...wrong }),
      () => shards.campaigns.findById(1, wrong),
      () => shards.campaigns.list(wrong),
      () => shards.campaigns.update(1, {}, wrong),
      () => shards.campaigns.addCodes(1, [], {}, wrong),
      () => shards.campaigns.removeCodes(1, [], wrong),
      () => shards.campaigns.delete(1, wrong),
      () =>
        shards.redeemMany([request('eu-1'), { ...request('us-1'), ...wrong }]).catch((error: Error) => {
          throw Object.assign(error, { message: error.message.replace(/^1\.shopId/, 'shopId') });
        }),
      () =>
        shards.import([], { defaults: wrong }).catch((error: Error) => {
          throw Object.assign(error, { message: error.message.replace(/^defaults\.shopId/, 'shopId') });
        }),
    ];
    for (const call of calls) {
      const error = await Promise.resolve(call()).catch((thrown: unknown) => thrown);
      expect(error, String(call)).toBeInstanceOf(ValidationError);
      expect((error as Error).message, String(call)).toMatch(message);
    }
    expect(() => shards.shop(wrong.shopId)).toThrow(message);
  });

  it('takes no promise of a name, and ends no process with one that fails', async () => {
    const later = new PromoCodeShards({
      shards: t.pools,
      shardOf: (async () => Promise.reject(new Error('x'))) as never,
    });
    await expect(later.list({ shopId: 'eu-1' })).rejects.toThrow(/shardOf: .*and at once: no promise/);
  });

  it('without arguments at all, as JavaScript may call it', async () => {
    const bare = t.shards as unknown as Record<string, () => Promise<unknown>>;
    for (const name of ['redeem', 'create', 'list', 'findById', 'rollbackUse', 'usageStats', 'history', 'import']) {
      await expect(bare[name]!(), name).rejects.toThrow(/hopId: must be given/);
    }
    await expect(bare.redeemMany!()).rejects.toThrow(ValidationError);
  });
});

describe('what it is made of', () => {
  const pool = () => t.pools.eu;
  it.each<[string, () => unknown, RegExp]>([
    ['nothing', () => undefined, /map: must be an object/],
    ['no databases', () => ({ shards: {}, shardOf }), /shards: must name one database at least/],
    ['a pool', () => ({ shards: pool(), shardOf }), /shards: must be an object of pools/],
    ['a URL', () => ({ shards: { eu: t.databases.eu.url }, shardOf }), /shards\.eu: must be a pool/],
    [
      'one pool twice',
      () => ({ shards: { eu: pool(), us: pool() }, shardOf }),
      /shards\.us: must be a pool of its own, and this is that of shards\.eu/,
    ],
    ['no shardOf', () => ({ shards: { eu: pool() } }), /shardOf: is required/],
    ['a shardOf that is none', () => ({ shards: { eu: pool() }, shardOf: 'eu' }), /shardOf: must be a function/],
    [
      'a wrong readPool',
      () => ({ shards: { eu: { pool: pool(), readPool: 1 } }, shardOf }),
      /shards\.eu\.readPool: must be a pool/,
    ],
    [
      'an unknown field',
      () => ({ shards: { eu: { pool: pool(), replica: pool() } }, shardOf }),
      /shards\.eu\.replica: is not a field/,
    ],
  ])('%s is refused', (_what, map, message) => {
    expect(() => new PromoCodeShards(map() as ShardMap<string>)).toThrow(message);
    expect(() => new PromoCodeShards(map() as ShardMap<string>)).toThrow(ValidationError);
  });

  it('refuses wrong options, as the repository does', () => {
    const map = { shards: { eu: pool() }, shardOf };
    expect(() => new PromoCodeShards(map, { concurrency: 0 })).toThrow(/concurrency: must be a whole number from 1/);
    expect(() => new PromoCodeShards(map, { deadlineMs: 0 })).toThrow(/deadlineMs/);
    expect(() => new PromoCodeShards(map, { readPool: pool() } as object)).toThrow(/readPool: must be given with/);
  });

  it('reads from the replica of a database that has one', async () => {
    const asked: string[] = [];
    const spy = intercepted(pool(), (text, values, send) => {
      asked.push(text);
      return send(text, values);
    });
    const map = { shards: { eu: { pool: pool(), readPool: spy }, us: t.pools.us }, shardOf };
    const shards = new PromoCodeShards(map, { schema: 'shop' });
    await shards.list({ shopId: 'eu-1' });
    expect(asked).toHaveLength(1);
    await shards.list({ shopId: 'eu-1', fresh: true });
    expect(asked).toHaveLength(1);
    expect((await shards.checkDrift({ shopId: 'eu-1' })).orThrow()).toMatchObject({ eu: [] });
    expect(asked.length).toBeGreaterThan(1);
  });
});

it('the ids of new tables are those of no other database', async () => {
  const made: PromoCode[] = [];
  for (const name of NAMES) {
    for (const code of ['N1', 'N2']) made.push(await t.shards.create({ code, shopId: `${name}-2`, bonusValue: 1 }));
  }
  expect(new Set(made.map(({ id }) => id)).size).toBe(6);
  for (const { id, shopId } of made)
    expect(Number(id) % 8).toBe(NAMES.findIndex((name) => shopId.startsWith(name)) + 1);
  const state = await t.shards.inspect();
  expect(state).toMatchObject({ ok: true, sharedIds: [], errors: {} });
});
