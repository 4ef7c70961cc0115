import { describe, expect, it } from 'vitest';
import {
  type BatchEvent,
  type DiagnosticEvent,
  type DriftEvent,
  type InstallEvent,
  isPromoCodesError,
  OutcomeUnknownError,
  PromoCodeShards,
  type RedeemEvent,
  type RetryEvent,
  ShardsError,
  ValidationError,
} from '../../src/index';
import { useEvents } from '../diagnostics/fixture';
import { barrier, eventually } from '../support';
import { NAMES, request, type ShardName, shardOf, useShards } from './fixture';

const t = useShards('over all');
const directory = {} as { missing: { of: string } };

async function usesIn(name: ShardName): Promise<number> {
  const { rows } = await t.databases[name].sql<{ n: string }>('SELECT count(*) AS n FROM shop.promo_code_uses');
  return Number(rows[0]!.n);
}

async function drift(name: ShardName, by: number): Promise<void> {
  await t.databases[name].sql(`ALTER TABLE shop.promo_codes DISABLE TRIGGER USER;
    UPDATE shop.promo_codes SET times_used = times_used + ${by};
    ALTER TABLE shop.promo_codes ENABLE TRIGGER USER`);
}

/** While asia is out of reach. */
async function withoutAsia<Result>(work: () => Promise<Result>): Promise<Result> {
  await t.proxy.down();
  try {
    return await work();
  } finally {
    await t.proxy.up();
  }
}

it('installs everywhere, and finds everything in place the second time', async () => {
  const again = await t.shards.install({ createTables: true });
  expect(again).toMatchObject({ ok: true, errors: {} });
  expect(Object.keys(again.results)).toEqual([...NAMES]);
  for (const report of Object.values(again.results)) expect(report).toMatchObject({ changed: false });
  expect((await t.shards.install()).orThrow().us).toMatchObject({ changed: false });
});

it('refuses wrong options before anything is sent, by throwing', async () => {
  const { shards } = t;
  await expect(shards.checkDrift({ limit: -1 })).rejects.toThrow(/^limit: must be a whole number/);
  await expect(shards.repairDrift({ wrong: 1 } as object)).rejects.toThrow(/wrong: is not an option of repairDrift/);
  await expect(shards.install({ createTables: 1 } as object)).rejects.toThrow(/^createTables: must be true or false/);
  await expect(shards.install({ ids: 'uuid' })).rejects.toThrow(/^ids: must be left out without createTables/);
  await expect(shards.install(null as never)).rejects.toThrow(/^options: must be an object/);
  const oneWrong = shards.install((name) => ({ history: name === 'eu' ? false : (1 as never) }));
  await expect(oneWrong).rejects.toThrow(/^us\.history: must be true or false/);
  await expect(shards.install(() => directory.missing.of as never)).rejects.toThrow(TypeError);
  expect((await shards.inspect()).results.eu).toMatchObject({ history: true });
  await expect(shards.releaseExpired({ limit: 0 })).rejects.toThrow(ValidationError);
  await expect(shards.pruneIdempotencyKeys({} as never)).rejects.toThrow(/^olderThanDays/);
  await expect(shards.checkDrift({ promoCodeIds: [1] })).rejects.toThrow(
    /^promoCodeIds: must be given with the shopId/,
  );
  await expect(shards.repairDrift({ campaignIds: [1] })).rejects.toThrow(/^campaignIds: must be given with the shopId/);
  await expect(shards.checkDrift({ shopId: 'nowhere-1' })).rejects.toThrow(/^shardOf: must be the name of a shard/);
  const client = await t.pools.eu.connect();
  try {
    await expect(shards.releaseExpired({ client } as object)).rejects.toThrow(/^client: must be left out/);
    await expect(shards.shopStats({ client } as object)).rejects.toThrow(/^client: must be left out/);
  } finally {
    client.release();
  }
});

it('ids of tables that count alike are told by the inspection', async () => {
  const { eu, us } = t.pools;
  for (const pool of [eu, us]) await pool.query('CREATE SCHEMA IF NOT EXISTS alike');
  const alike = new PromoCodeShards({ shards: { eu, us }, shardOf }, { schema: 'alike' });
  (await alike.install({ createTables: true })).orThrow();
  expect((await alike.inspect()).sharedIds).toEqual([
    { of: 'codes', shards: ['eu', 'us'] },
    { of: 'uses', shards: ['eu', 'us'] },
  ]);
  const asked = await alike.install((name) => ({
    createTables: true,
    ids: { start: name === 'eu' ? 1 : 2, increment: 4 },
  }));
  expect(asked.errors.us?.message).toMatch(/promo_codes\.id is there already and counts from 1 by 1, not from 2 by 4/);
});

describe('a database that is gone', () => {
  it('stops no other, and is named', async () => {
    const { shards } = t;
    await withoutAsia(async () => {
      const calls = [
        () => shards.install(),
        () => shards.inspect(),
        () => shards.checkDrift(),
        () => shards.repairDrift(),
        () => shards.releaseExpired(),
        () => shards.pruneIdempotencyKeys({ olderThanDays: 1 }),
        () => shards.pruneHistory({ before: '2020-01-01T00:00:00Z' }),
        () => shards.shopStats({ days: 1 }),
        () => shards.onEach((repository) => repository.list()),
      ];
      const answers = await Promise.all(calls.map((call) => call()));
      for (const [place, { ok, results, errors }] of answers.entries()) {
        const call = String(calls[place]);
        expect(ok, call).toBe(false);
        expect(Object.keys(results), call).toEqual(['eu', 'us']);
        expect(Object.keys(errors), call).toEqual(['asia']);
        expect(errors.asia, call).toMatchObject({ shard: 'asia' });
        expect(isPromoCodesError(errors.asia) && errors.asia.code, call).toMatch(/^CONNECTION_(FAILED|LOST)$/);
        expect(errors.asia?.message, call).toMatch(/^Shard asia: /);
        expect(errors.asia?.stack, call).toMatch(/Shard asia: /);
      }
      const error = await shards.redeem(request('asia-1')).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ shard: 'asia' });
      expect((error as Error).message).toMatch(/^Shard asia: /);
      expect((error as Error).message).not.toMatch(/Shard asia: .*Shard asia: /);
      expect(await shards.redeem(request('eu-1'))).toMatchObject({ ok: true });
      const [first] = answers;
      expect(() => first!.orThrow()).toThrow(ShardsError);
      expect(() => first!.orThrow()).toThrow(/^1 of 3 databases failed; what the others did stays\. Shard asia: /);
      try {
        first!.orThrow();
      } catch (thrown) {
        expect(isPromoCodesError(thrown) && thrown.code).toBe('SHARDS_FAILED');
        expect(Object.keys((thrown as ShardsError).errors)).toEqual(['asia']);
        expect((thrown as ShardsError).cause).toBe(first!.errors.asia);
      }
    });
    expect(await shards.redeem(request('asia-1'))).toMatchObject({ ok: true });
    expect(await shards.checkDrift()).toMatchObject({ ok: true });
  });

  it('while calls run costs those of its shops alone, and none twice', async () => {
    const before = await usesIn('asia');
    const shards = t.newShards({ retry: { attempts: 20 } });
    const loads = NAMES.map((name) => ({ name, made: 0, unknown: 0, errors: [] as unknown[] }));
    let isOver = false;
    const loops = loads.flatMap((load) =>
      Array.from({ length: 3 }, async () => {
        while (!isOver) {
          try {
            const result = await shards.redeem(request(`${load.name}-1`));
            if (result.ok) load.made += 1;
          } catch (error) {
            load.errors.push(error);
            if (error instanceof OutcomeUnknownError) load.unknown += 1;
          }
        }
      }),
    );
    const [eu, us, asia] = loads as [(typeof loads)[0], (typeof loads)[0], (typeof loads)[0]];
    await eventually(() => expect(Math.min(...loads.map(({ made }) => made))).toBeGreaterThan(5));
    await withoutAsia(async () => {
      await eventually(() => expect(asia.errors.length).toBeGreaterThan(2), { timeoutMs: 20_000 });
      const [there, made] = [eu.made + us.made, asia.made];
      await eventually(() => expect(eu.made + us.made).toBeGreaterThan(there + 20), { timeoutMs: 20_000 });
      expect(asia.made).toBe(made);
    });
    const made = asia.made;
    await eventually(() => expect(asia.made).toBeGreaterThan(made + 5), { timeoutMs: 20_000 });
    isOver = true;
    await Promise.all(loops);
    expect([...eu.errors, ...us.errors]).toEqual([]);
    for (const error of asia.errors) expect(error).toMatchObject({ shard: 'asia' });
    const uses = (await usesIn('asia')) - before;
    expect(uses).toBeGreaterThanOrEqual(asia.made);
    expect(uses).toBeLessThanOrEqual(asia.made + asia.unknown);
    expect(await shards.checkDrift()).toMatchObject({ ok: true, results: { eu: [], us: [], asia: [] } });
  }, 60_000);
});

describe('redeemMany', () => {
  const mixed = (fields: object = {}) =>
    Array.from({ length: 9 }, (_, place) =>
      request(`${NAMES[place % 3]}-1`, { idempotencyKey: `k${Math.random()}`, ...fields }),
    );

  it('answers in the order of the requests, of whatever database', async () => {
    const requests = mixed();
    requests[4] = { ...requests[4]!, code: 'UNKNOWN' };
    const results = await t.shards.redeemMany(requests);
    expect(results.map((result) => (result.ok ? result.use.customerAddress : result.reason))).toEqual(
      requests.map(({ customerAddress }, place) => (place === 4 ? 'not_found' : customerAddress)),
    );
    expect(results.map((result) => (result.ok ? result.use.shopId : ''))).toEqual(
      requests.map(({ shopId }, place) => (place === 4 ? '' : shopId)),
    );
    expect(await t.shards.redeemMany([])).toEqual([]);
  });

  it('sends nothing where anything is wrong, and says where', async () => {
    const before = await Promise.all(NAMES.map(usesIn));
    const requests = mixed();
    requests[4] = { ...requests[4]!, baseReward: -1 };
    requests[8] = { ...requests[8]!, shopId: '' };
    const failing = t.shards.redeemMany(requests);
    await expect(failing).rejects.toThrow(/^8\.shopId: must be given/);
    requests[8] = request('asia-1', { customerAddress: '' });
    const error = await t.shards.redeemMany(requests).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as ValidationError).issues.map(({ path }) => path).sort()).toEqual([
      '4.baseReward',
      '8.customerAddress',
    ]);
    await expect(t.shards.redeemMany(mixed(), { wrong: 1 } as object)).rejects.toThrow(/wrong: is not an option/);
    const client = await t.pools.eu.connect();
    await expect(t.shards.redeemMany(mixed(), { client })).rejects.toThrow(
      /^client: must be left out: .*several databases/,
    );
    client.release();
    expect(await Promise.all(NAMES.map(usesIn))).toEqual(before);
  });

  it('is part of the transaction of one database', async () => {
    const before = await usesIn('eu');
    const client = await t.pools.eu.connect();
    await client.query('BEGIN');
    const results = await t.shards.redeemMany([request('eu-1'), request('eu-1')], { client });
    await client.query('ROLLBACK');
    client.release();
    expect(results).toMatchObject([{ ok: true }, { ok: true }]);
    expect(await usesIn('eu')).toBe(before);
  });

  it('keeps what the others have committed where one fails, and can be repeated', async () => {
    const requests = mixed();
    const error = await withoutAsia(() => t.shards.redeemMany(requests).catch((thrown: unknown) => thrown));
    expect(error).toBeInstanceOf(ShardsError);
    const { results, errors, message } = error as ShardsError;
    expect(Object.keys(errors)).toEqual(['asia']);
    expect(message).toMatch(/^1 of 3 databases failed/);
    expect(results).toHaveLength(9);
    expect(results!.map((result) => result?.ok)).toEqual([
      true,
      true,
      undefined,
      true,
      true,
      undefined,
      true,
      true,
      undefined,
    ]);
    const repeated = await t.shards.redeemMany(requests);
    expect(repeated.map((result) => result.ok && result.replayed)).toEqual(
      results!.map((result) => result !== undefined),
    );
  });
});

it('finds and repairs drift where it is, also of a shop alone', async () => {
  await drift('us', 3);
  const { ok, results } = await t.shards.checkDrift();
  expect(ok).toBe(true);
  expect([results.eu, results.asia]).toEqual([[], []]);
  expect(results.us).toHaveLength(1);
  expect(Object.keys((await t.shards.checkDrift({ shopId: 'us-1' })).results)).toEqual(['us']);
  expect((await t.shards.repairDrift({ shopId: 'eu-1' })).results).toEqual({ eu: [] });
  expect((await t.shards.repairDrift()).results).toMatchObject({ eu: [], us: [{}], asia: [] });
  expect((await t.shards.checkDrift()).results).toEqual({ eu: [], us: [], asia: [] });
});

it('scrubs and archives in every database', async () => {
  await drift('us', 3);
  const scrubbed = (await t.shards.scrubDrift({ rowsPerSecond: 10_000_000 })).orThrow();
  expect(scrubbed).toMatchObject({ eu: { drifted: [] }, us: { drifted: [{}] }, asia: { drifted: [] } });
  await t.shards.repairDrift();
  const uses = await Promise.all(NAMES.map((name) => usesIn(name)));
  expect(Math.max(...uses)).toBeGreaterThan(0);
  const archived = (await t.shards.archiveUses({ before: new Date(Date.now() + 60_000) })).orThrow();
  expect(NAMES.map((name) => archived[name].archived)).toEqual(uses);
  expect((await t.shards.checkDrift()).results).toEqual({ eu: [], us: [], asia: [] });
  await expect(t.shards.archiveUses({} as never)).rejects.toThrow(/^before: is required/);
});

it('releases, prunes, erases and adds up in every database', async () => {
  const { shards } = t;
  const holds = await Promise.all(
    NAMES.map((name) =>
      shards.reserve({ ...request(`${name}-1`, { customerAddress: 'ann', idempotencyKey: name }), ttlSeconds: 60 }),
    ),
  );
  expect(holds.every(({ ok }) => ok)).toBe(true);
  for (const { pool } of Object.values(t.databases)) {
    await pool.query(`UPDATE pgpromocodes_shop.promo_code_holds SET expires_at = now() - interval '1 second'`);
  }
  expect((await shards.eraseCustomer('ann', { replacement: 'erased' })).orThrow()).toMatchObject({
    eu: { uses: 1 },
    us: { uses: 1 },
    asia: { uses: 1 },
  });
  expect((await shards.releaseExpired()).results).toMatchObject({
    eu: { released: 1 },
    us: { released: 1 },
    asia: { released: 1 },
  });
  const pruned = (await shards.pruneIdempotencyKeys({ olderThanDays: 0 })).orThrow();
  for (const name of NAMES) expect(pruned[name].pruned).toBeGreaterThan(0);
  const stats = (await shards.shopStats({ days: 1, top: 1 })).orThrow();
  for (const name of NAMES) expect(stats[name].topCodes).toMatchObject([{ code: 'SUMMER', shopId: `${name}-1` }]);
});

it('works on no more databases at once than it may', async () => {
  let running = 0;
  let most = 0;
  const meeting = barrier(2);
  const shards = t.newShards({ concurrency: 2 });
  const { results, errors } = await shards.onEach(async (repository, { name, pool, readPool }) => {
    running += 1;
    most = Math.max(most, running);
    if (name !== 'asia') await meeting.arrive();
    running -= 1;
    if (name === 'us') throw new Error('of the host');
    return [repository === shards.shard(name), pool === t.pools[name], readPool];
  });
  expect(most).toBe(2);
  expect(results).toEqual({ eu: [true, true, undefined], asia: [true, true, undefined] });
  expect(errors).toMatchObject({ us: { message: 'of the host' } });
});

it('close waits for what runs, and refuses what comes', async () => {
  const shards = t.newShards();
  const meeting = barrier(2);
  const under = shards.onEach(() => meeting.arrive());
  let isClosed = false;
  const closing = shards.close().then(() => {
    isClosed = true;
  });
  await expect(shards.checkDrift()).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(shards.redeemMany([request('eu-1'), request('us-1')])).rejects.toMatchObject({ code: 'CLOSED' });
  expect(isClosed).toBe(false);
  // Three databases, and a place that is left.
  await Promise.all([meeting.arrive(), under]);
  await closing;
  await expect(shards.redeem(request('eu-1'))).rejects.toMatchObject({ code: 'CLOSED' });
  await shards.close();
});

describe('events', () => {
  const heard = {
    redeem: useEvents<RedeemEvent>('redeem'),
    batch: useEvents<BatchEvent>('batch'),
    validate: useEvents('validate'),
    rollback: useEvents('rollback'),
    drift: useEvents<DriftEvent>('drift'),
    install: useEvents<InstallEvent>('install'),
    retry: useEvents<RetryEvent>('retry'),
  };
  const shardsOf = ({ events }: { events: DiagnosticEvent[] }) => [...new Set(events.map(({ shard }) => shard))].sort();

  it('carry the name of the database', async () => {
    const { shards } = t;
    const result = await shards.redeem(request('us-1'));
    if (!result.ok) throw new Error(result.message);
    await shards.validate({ code: 'SUMMER', shopId: 'us-1', customerAddress: 'x' });
    await shards.rollbackUse(result.use.id, { shopId: 'us-1' });
    expect([heard.redeem, heard.batch, heard.validate, heard.rollback].map(shardsOf)).toEqual(Array(4).fill(['us']));
    await shards.repairDrift();
    await shards.checkDrift();
    await shards.install();
    expect([heard.drift, heard.install].map(shardsOf)).toEqual(Array(2).fill(['asia', 'eu', 'us']));
    await withoutAsia(() =>
      shards
        .shard('asia')
        .list()
        .catch(() => undefined),
    );
    expect(shardsOf(heard.retry)).toEqual(['asia']);
  });

  it('of a repository that is one of several carry it as well, and others none', async () => {
    await t.shards.shard('eu').redeem(request('eu-1'));
    expect(shardsOf(heard.redeem)).toEqual(['eu']);
  });
});
