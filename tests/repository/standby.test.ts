import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installSchema,
  type PromoCode,
  PromoCodeRepository,
  repairDrift,
  streamDrift,
} from '../../src/index';
import { Cluster } from '../../torture/server/cluster';
import { eventually } from '../support';
import { intercepted } from '../support/intercepted';
import { isIncluded } from '../support/scope';

const WHAT = 'a streaming standby as the replica';

// Two servers take seconds; read-replica.test.ts has the same with a session that only reads.
describe.skipIf(!isIncluded(WHAT))(WHAT, () => {
  let cluster: Cluster;
  let pool: pg.Pool;
  let readPool: pg.Pool;
  let code: PromoCode;
  let primaryReads = 0;
  /** Makes the next statement of the replica take so many seconds, under the lock of its tables. */
  let slowness = 0;
  let repository: PromoCodeRepository;

  beforeAll(async () => {
    cluster = await Cluster.start();
    if (cluster.noStandby !== undefined) throw new Error(cluster.noStandby);
    pool = newPool(cluster.url);
    readPool = newPool(cluster.standbyUrl);
    await installSchema(pool, { history: true, testClock: true });
    const replica = intercepted(readPool, (text, values, send) => {
      if (slowness === 0) return send(text, values);
      const slow = text.replace(/^SELECT /, `SELECT pg_sleep(${slowness}), `);
      slowness = 0;
      return send(slow, values);
    });
    const primary = intercepted(pool, (text, values, send) => {
      primaryReads += 1;
      return send(text, values);
    });
    repository = new PromoCodeRepository(primary, { readPool: replica });
    code = await repository.create({ code: 'C', shopId: 's', bonusValue: 5, perCustomerLimit: null });
    await repository.redeem({ code: 'C', shopId: 's', customerAddress: 'ann', baseReward: 1 });
    await repository.campaigns.create({ shopId: 's', name: 'Summer' });
    await caughtUp();
    await repository.findById(code.id);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([pool?.end(), readPool?.end()]);
    await cluster?.close();
  });

  function newPool(connectionString: string): pg.Pool {
    const made = new pg.Pool({ connectionString, max: 5 });
    made.on('error', () => {});
    return made;
  }

  async function caughtUp(): Promise<void> {
    const { rows } = await pool.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
    await eventually(async () => {
      const sql = 'SELECT FROM (SELECT pg_last_wal_replay_lsn() AS at) AS r WHERE r.at >= $1::pg_lsn';
      expect((await readPool.query(sql, [rows[0]!.lsn])).rowCount).toBe(1);
    });
  }

  it('answers every method that only reads', async () => {
    primaryReads = 0;
    const request = { code: 'C', shopId: 's', customerAddress: 'bob', baseReward: 1 };
    expect(await repository.validate(request)).toMatchObject({ valid: true, bonusAmount: '5.00' });
    expect(await repository.findByCode('c', 's')).toMatchObject({ timesUsed: 1 });
    expect((await repository.list({ state: 'redeemable' })).items).toHaveLength(1);
    expect((await repository.usesByCustomer('ann')).items).toHaveLength(1);
    expect((await repository.usesByCode(code.id)).items).toHaveLength(1);
    expect(await repository.usageStats(code.id)).toMatchObject({ totalUses: 1 });
    expect(await repository.shopStats()).toMatchObject({ totalUses: 1, codes: 1 });
    expect((await repository.history()).items).toMatchObject([{ kind: 'redeemed' }]);
    expect((await repository.campaigns.list()).items).toHaveLength(1);
    expect(primaryReads).toBe(0);
  });

  it('is checked for drift and inspected like any other; what it has drifted is repaired where it can be written', async () => {
    expect(await checkDrift(readPool)).toEqual([]);
    await assertNoDrift(readPool);
    expect(await inspectTriggers(readPool)).toMatchObject({ ok: true });
    await pool.query('ALTER TABLE promo_codes DISABLE TRIGGER USER; UPDATE promo_codes SET times_used = 7');
    await pool.query('ALTER TABLE promo_codes ENABLE TRIGGER USER');
    await caughtUp();
    const records = [];
    for await (const record of streamDrift(readPool)) records.push(record);
    expect(records).toMatchObject([{ timesUsed: 7, actualUses: 1 }]);
    await expect(repairDrift(readPool)).rejects.toMatchObject({ code: 'READ_ONLY' });
    expect(await repairDrift(pool)).toHaveLength(1);
    await caughtUp();
    expect(await checkDrift(readPool)).toEqual([]);
  });

  it('that cancels a statement for what it has to replay is made up for by the primary', async () => {
    await readPool.query(`ALTER SYSTEM SET max_standby_streaming_delay = 0`);
    await readPool.query('SELECT pg_reload_conf()');
    slowness = 60;
    primaryReads = 0;
    const found = repository.findById(code.id);
    await eventually(async () => {
      const { rowCount } = await readPool.query(`SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`);
      expect(rowCount).toBe(1);
    });
    await pool.query('BEGIN; LOCK TABLE promo_codes IN ACCESS EXCLUSIVE MODE; COMMIT');
    expect(await found).toMatchObject({ id: code.id });
    expect(primaryReads).toBe(1);
  });

  it('and a check that is cancelled is sent once more', async () => {
    let sent = 0;
    const slowOnce = intercepted(readPool, (text, values, send) => {
      if (!text.includes('drifted') && !text.includes('actual')) return send(text, values);
      sent += 1;
      return send(sent === 1 ? text.replace(/^(\s*)SELECT /, '$1SELECT pg_sleep(60), ') : text, values);
    });
    await pool.query('ALTER TABLE promo_codes DISABLE TRIGGER USER; UPDATE promo_codes SET times_used = 9');
    await pool.query('ALTER TABLE promo_codes ENABLE TRIGGER USER');
    await caughtUp();
    const checked = checkDrift(slowOnce);
    await eventually(async () => {
      const { rowCount } = await readPool.query(`SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`);
      expect(rowCount).toBe(1);
    });
    await pool.query('BEGIN; LOCK TABLE promo_code_uses IN ACCESS EXCLUSIVE MODE; COMMIT');
    expect(await checked).toMatchObject([{ timesUsed: 9 }]);
    expect(sent).toBe(2);
    await repairDrift(pool);
  });

  it('and dies is not waited for, and is asked when it is back', async () => {
    await cluster.stopStandby();
    primaryReads = 0;
    for (let call = 0; call < 5; call += 1) await repository.findById(code.id);
    expect(primaryReads).toBe(5);
    await cluster.startStandby();
    await eventually(
      async () => {
        primaryReads = 0;
        await repository.findById(code.id);
        expect(primaryReads).toBe(0);
      },
      { timeoutMs: 20_000 },
    );
  }, 60_000);
});
