import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OutcomeUnknownError, PromoCodeShards } from '../../src/index';
import { Cluster } from '../../torture/server/cluster';
import { eventually, useDatabase } from '../support';
import { isIncluded } from '../support/scope';

const WHAT = 'three databases, one of them on a server that is killed';
const NAMES = ['eu', 'us', 'asia'] as const;

// A server that can be killed takes seconds; over-all.test.ts has the same with a proxy in between.
describe.skipIf(!isIncluded(WHAT))(WHAT, () => {
  const eu = useDatabase('killed eu');
  const us = useDatabase('killed us');
  let cluster: Cluster;
  let asia: pg.Pool;
  let shards: PromoCodeShards<(typeof NAMES)[number]>;

  beforeAll(async () => {
    cluster = await Cluster.start();
    asia = new pg.Pool({ connectionString: cluster.url, max: 10 });
    asia.on('error', () => {});
    shards = new PromoCodeShards(
      { shards: { eu: eu.pool, us: us.pool, asia }, shardOf: (shopId) => shopId },
      { schema: 'shop', retry: { attempts: 20 } },
    );
    for (const pool of [eu.pool, us.pool, asia]) await pool.query('CREATE SCHEMA shop');
    (await shards.install({ createTables: true, ids: 'uuid' })).orThrow();
    for (const shopId of NAMES) await shards.create({ code: 'C', shopId, bonusValue: 5, perCustomerLimit: null });
  }, 120_000);
  afterAll(async () => {
    await asia?.end();
    await cluster?.close();
  });

  it('costs the calls of its shops alone; what was answered is there when it is back', async () => {
    const loads = NAMES.map((shopId) => ({ shopId, made: [] as string[], errors: [] as unknown[] }));
    const many = { answered: 0, partly: 0 };
    let isOver = false;
    let customer = 0;
    const request = (shopId: string) => {
      customer += 1;
      return { code: 'C', shopId, customerAddress: `c${customer}`, baseReward: 1, idempotencyKey: `k${customer}` };
    };
    const loops = loads.map(async (load) => {
      while (!isOver) {
        try {
          const result = await shards.redeem(request(load.shopId));
          if (result.ok) load.made.push(result.use.id);
        } catch (error) {
          load.errors.push(error);
        }
      }
    });
    loops.push(
      (async () => {
        while (!isOver) {
          const requests = NAMES.map(request);
          const results = await shards.redeemMany(requests).catch((error: { results?: unknown[] }) => {
            if (error.results === undefined) throw error;
            many.partly += 1;
            return error.results as { ok: boolean }[];
          });
          expect(results.slice(0, 2)).toMatchObject([{ ok: true }, { ok: true }]);
          many.answered += 1;
        }
      })(),
    );
    const [inEu, inUs, inAsia] = loads as [(typeof loads)[0], (typeof loads)[0], (typeof loads)[0]];
    await eventually(() => expect(inAsia.made.length).toBeGreaterThan(20), { timeoutMs: 20_000 });

    await cluster.kill();
    await eventually(() => expect(inAsia.errors.length).toBeGreaterThan(1), { timeoutMs: 20_000 });
    await eventually(() => expect(many.partly).toBeGreaterThan(0), { timeoutMs: 20_000 });
    const [before, then] = [inEu.made.length, inUs.made.length];
    await eventually(() => expect(Math.min(inEu.made.length - before, inUs.made.length - then)).toBeGreaterThan(20));
    const checked = await shards.checkDrift();
    expect(checked).toMatchObject({ ok: false, results: { eu: [], us: [] }, errors: { asia: { shard: 'asia' } } });

    await cluster.revive();
    const made = inAsia.made.length;
    await eventually(() => expect(inAsia.made.length).toBeGreaterThan(made + 20), { timeoutMs: 20_000 });
    isOver = true;
    await Promise.all(loops);
    expect([...inEu.errors, ...inUs.errors]).toEqual([]);
    for (const error of inAsia.errors) expect(error).toMatchObject({ shard: 'asia' });
    expect(await shards.checkDrift()).toMatchObject({ ok: true, results: { eu: [], us: [], asia: [] } });
    const { rows } = await asia.query<{ id: string }>('SELECT id::text AS id FROM shop.promo_code_uses');
    const there = new Set(rows.map(({ id }) => id));
    expect(inAsia.made.filter((id) => !there.has(id))).toEqual([]);
    const unknown = inAsia.errors.filter((error) => error instanceof OutcomeUnknownError).length;
    // Each of redeemMany is one in asia, or none where it failed there.
    expect(there.size).toBeGreaterThanOrEqual(inAsia.made.length + many.answered - many.partly);
    expect(there.size).toBeLessThanOrEqual(inAsia.made.length + many.answered + unknown);
    expect((await shards.inspect()).sharedIds).toEqual([]);
  }, 120_000);
});
