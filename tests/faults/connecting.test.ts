import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDrift, isPromoCodesError, PromoCodeRepository } from '../../src/index';
import { type CuttingProxy, startProxy } from '../support/proxy';
import { useRepository } from '../support/repository';

/** The outage of ten seconds in full: FAULTS_AT_FULL_LENGTH=1. */
const FULL = process.env.FAULTS_AT_FULL_LENGTH === '1';

const t = useRepository('connecting');
const { newCode, request, counts, schema } = t;
let proxy: CuttingProxy;
let pool: pg.Pool;

beforeEach(async () => {
  proxy = await startProxy(t.url);
  pool = new pg.Pool({ connectionString: proxy.url, max: 10 });
  pool.on('error', () => {});
});
afterEach(async () => {
  await proxy.close();
  await pool.end();
});

/** A message of the server, as it stands on the wire. */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
const FATAL = message(
  'E',
  Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'),
);
const AUTHENTICATION_OK = message('R', Buffer.from([0, 0, 0, 0]));
const READY = message('Z', Buffer.from('I'));

it('a FATAL in the same packet as the end of connecting ends no process', async () => {
  let asked = 0;
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      asked += 1;
      socket.end(Buffer.concat([AUTHENTICATION_OK, READY, FATAL]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const fatal = new pg.Pool({ host: '127.0.0.1', port, user: 'nobody', database: 'none' });
  fatal.on('error', () => {});
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('uncaughtException', note);
  try {
    const repository = new PromoCodeRepository(fatal, { deadlineMs: 1_500 });
    await expect(repository.list()).rejects.toSatisfy(isPromoCodesError);
    await expect(repository.redeem({ code: 'X', shopId: 's', customerAddress: 'a', baseReward: 1 })).rejects.toSatisfy(
      isPromoCodesError,
    );
    await expect(checkDrift(fatal)).rejects.toSatisfy(isPromoCodesError);
    await sleep(50);
  } finally {
    process.off('uncaughtException', note);
    await fatal.end();
    server.close();
  }
  expect(asked).toBeGreaterThan(2);
  expect(unhandled).toEqual([]);
});

describe('a connection that cannot be made', () => {
  it('proves that nothing was sent: create is repeated', async () => {
    const repository = new PromoCodeRepository(pool, { schema });
    await repository.list();
    await proxy.down();
    const creating = repository.create({ code: 'AFTER THE FALL', shopId: 'shop', bonusValue: 1 });
    await sleep(200);
    await proxy.up();
    expect(await creating).toMatchObject({ code: 'AFTER THE FALL' });
  });

  it('because a load balancer has no server behind it: nothing is in doubt', async () => {
    const balancer = net.createServer((socket) => socket.on('error', () => {}).end());
    await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
    const { port } = balancer.address() as net.AddressInfo;
    const empty = new pg.Pool({ host: '127.0.0.1', port, user: 'nobody', database: 'shop' });
    const repository = new PromoCodeRepository(empty, { schema, deadlineMs: 1_500 });
    for (const call of [repository.create({ code: 'X', shopId: 's', bonusValue: 1 }), repository.list()]) {
      await expect(call).rejects.toMatchObject({
        code: 'CONNECTION_FAILED',
        message: expect.stringContaining(`:${port}`),
      });
    }
    await empty.end();
    balancer.close();
  });
});

it(
  'a server that is down while calls go on: each is settled within its deadline, and they are served at once when it is back',
  async () => {
    const [downMs, perSecond, deadlineMs] = FULL ? [10_000, 300, 10_000] : [2_000, 200, 1_500];
    const repository = new PromoCodeRepository(pool, { schema, deadlineMs });
    const codes = await Promise.all(Array.from({ length: 5 }, () => newCode({ perCustomerLimit: null })));
    await repository.redeem(request(codes[0]!));
    const outcomes: { ms: number; at: number; ok: boolean }[] = [];
    const calls: Promise<void>[] = [];
    const call = async (number: number): Promise<void> => {
      const start = performance.now();
      const asked =
        number % 3 === 0 ? repository.findById(codes[0]!.id) : repository.redeem(request(codes[number % 5]!));
      const ok = await asked.then(
        () => true,
        (error: unknown) => {
          if (!isPromoCodesError(error)) throw error;
          return false;
        },
      );
      const at = performance.now();
      outcomes.push({ ms: at - start, at, ok });
    };
    await proxy.down();
    const began = performance.now();
    let upAt = Number.POSITIVE_INFINITY;
    const memory: number[] = [];
    for (let number = 0; performance.now() < began + downMs + 1_500; ) {
      for (; number < ((performance.now() - began) / 1_000) * perSecond; number += 1) calls.push(call(number));
      if (upAt === Number.POSITIVE_INFINITY && performance.now() > began + downMs) {
        await proxy.up();
        upAt = performance.now();
      }
      memory.push(process.memoryUsage().heapUsed);
      await sleep(10);
    }
    await Promise.all(calls);
    expect(outcomes.length).toBeGreaterThan((downMs / 1_000) * perSecond);
    expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThan(2 * deadlineMs);
    const afterUp = outcomes.filter(({ ok, at }) => ok && at > upAt).map(({ at }) => at - upAt);
    expect(Math.min(...afterUp)).toBeLessThan(FULL ? 100 : 2_000);
    const growth = Math.max(...memory) - memory[0]!;
    expect(growth).toBeLessThan(150 * 1024 * 1024);
    const used = await Promise.all(codes.map((code) => counts(code)));
    expect(used.every(({ timesUsed, uses }) => timesUsed === uses)).toBe(true);
  },
  FULL ? 60_000 : 20_000,
);

describe('an attempt that the client gives up', () => {
  it('ends in the server too: no more backends wait than the pool has connections', async () => {
    const impatient = t.poolWith({ max: 5, query_timeout: 2_000 });
    const repository = new PromoCodeRepository(impatient, { schema, batching: false });
    const code = await newCode({ perCustomerLimit: null });
    await repository.redeem(request(await newCode()));
    const holder = await t.client();
    await holder.query('BEGIN');
    await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR UPDATE'), [code.id]);
    const calls = Array.from({ length: 20 }, () => repository.redeem(request(code)).catch((error: unknown) => error));
    let most = 0;
    const watching = setInterval(async () => {
      const { rows } = await t.sql<{ waiting: number }>(
        `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock'
            AND application_name = current_setting('application_name') AND query LIKE '%redeem_promo_code%'`,
      );
      most = Math.max(most, rows[0]!.waiting);
    }, 30);
    const results = await Promise.all(calls);
    clearInterval(watching);
    await holder.query('ROLLBACK');
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(5);
    for (const result of results) expect(result).toMatchObject({ code: 'LOCK_TIMEOUT' });
  });
});
