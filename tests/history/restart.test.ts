import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installSchema, PromoCodeRepository } from '../../src/index';
import { Cluster } from '../../torture/server/cluster';
import { eventually } from '../support';
import { isIncluded } from '../support/scope';

const WHAT = 'a follower of a server that restarts';

// A server that can be stopped and started takes seconds.
describe.skipIf(!isIncluded(WHAT))(WHAT, () => {
  let cluster: Cluster;
  let pool: pg.Pool;

  beforeAll(async () => {
    cluster = await Cluster.start();
    pool = new pg.Pool({ connectionString: cluster.url, max: 6 });
    pool.on('error', () => {});
    await installSchema(pool, { history: true });
  }, 120_000);
  afterAll(async () => {
    await pool?.end();
    await cluster?.close();
  });

  it('misses nothing of what was committed, in one loop, with transactions cut in the middle', async () => {
    const repository = new PromoCodeRepository(pool);
    const { code } = await repository.create({ code: 'C', shopId: 's', bonusValue: 5, perCustomerLimit: null });
    const stop = new AbortController();
    const came: string[] = [];
    const following = (async () => {
      for await (const { id } of repository.followHistory({ signal: stop.signal })) came.push(id);
    })();
    let isOver = false;
    const write = async (customerAddress: string) => {
      while (!isOver)
        await repository.redeem({ code, shopId: 's', customerAddress, baseReward: 1 }).catch(() => undefined);
    };
    const writers = ['a', 'b', 'c'].map(write);
    for (const how of ['restart', 'crash', 'crash'] as const) {
      const before = came.length;
      await eventually(() => expect(came.length).toBeGreaterThan(before + 10), { timeoutMs: 30_000 });
      const cut = await pool.connect();
      cut.on('error', () => {});
      await cut.query('BEGIN');
      await repository.redeem({ code, shopId: 's', customerAddress: 'cut', baseReward: 1 }, { client: cut });
      await cluster[how]();
      cut.release(true);
    }
    const before = came.length;
    await eventually(() => expect(came.length).toBeGreaterThan(before + 10), { timeoutMs: 30_000 });
    isOver = true;
    await Promise.all(writers);
    const { rows } = await pool.query<{ id: string }>(
      'SELECT id::text FROM pgpromocodes.promo_code_history AS h ORDER BY h.id',
    );
    const all = rows.map(({ id }) => id);
    await eventually(() => expect(came.at(-1)).toBe(all.at(-1)), { timeoutMs: 30_000 });
    stop.abort();
    await following;
    expect(came).toEqual(all);
  }, 180_000);
});
