import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isPromoCodesError, PromoCodeRepository } from '../../src/index';
import { eventually } from '../support';
import { type CuttingProxy, startProxy } from '../support/proxy';
import { useRepository } from '../support/repository';

/** The same with the default times: FAULTS_AT_FULL_LENGTH=1. */
const FULL = process.env.FAULTS_AT_FULL_LENGTH === '1';
const TIMES = FULL ? {} : { lockTimeoutMs: 600, attemptTimeoutMs: 1_000, deadlineMs: 3_000 };
const DEADLINE_MS = FULL ? 10_000 : 3_000;
/** What a busy machine may add. Without a deadline there would be no end. */
const SLACK_MS = 3_000;

const t = useRepository('silence');
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

/** Opens all connections of the pool. */
async function fill(): Promise<void> {
  const clients = await Promise.all(Array.from({ length: 10 }, () => pool.connect()));
  for (const client of clients) client.release();
}

/** Runs a call, and tells how long it took and how it ended. */
async function timed(call: () => Promise<unknown>): Promise<{ ms: number; value?: unknown; error?: unknown }> {
  const start = performance.now();
  try {
    const value = await call();
    return { ms: performance.now() - start, value };
  } catch (error) {
    return { ms: performance.now() - start, error };
  }
}

describe('connections that go silent', () => {
  it(
    'two of ten: no caller waits longer than two deadlines, and the others are served',
    async () => {
      const repository = new PromoCodeRepository(pool, { schema, ...TIMES });
      const codes = await Promise.all(Array.from({ length: 8 }, () => newCode({ perCustomerLimit: null })));
      await repository.redeem(request(codes[0]!));
      await fill();
      // Those that both lanes are going to take.
      const silent = new Set<number>();
      proxy.onData((from, data, connection) => {
        if (from === 'server' || silent.size === 2 || !data.includes('.redeem_promo_code')) return 'pass';
        silent.add(connection);
        return 'silence';
      });
      const outcomes = await Promise.all(
        Array.from({ length: 200 }, async (_, index) => {
          await sleep(Math.random() * 300);
          return timed(() => repository.redeem(request(codes[index % 8]!)));
        }),
      );
      expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThan(2 * DEADLINE_MS);
      expect(silent.size).toBe(2);
      expect(outcomes.filter(({ error }) => error)).toEqual([]);
      const uses = await Promise.all(codes.map((code) => counts(code)));
      expect(uses.reduce((sum, { uses: each }) => sum + each, 0)).toBe(201);
    },
    FULL ? 60_000 : 20_000,
  );

  it(
    'all of them, and new ones as well: every method settles within its deadline, with an error of the tree',
    async () => {
      const repository = new PromoCodeRepository(pool, { schema, ...TIMES });
      const code = await newCode({ perCustomerLimit: null });
      const used = await repository.redeem(request(code));
      if (!used.ok) throw new Error(used.reason);
      const limited = new PromoCodeRepository(pool, { schema, rateLimit: true, ...TIMES });
      await limited.redeem(request(code), { rateLimitKey: '203.0.113.7' });
      await fill();
      proxy.onData(() => 'silence');
      const outcomes = await Promise.all(
        [
          () => repository.redeem(request(code)),
          () => repository.redeemMany([request(code)]),
          () => repository.create({ code: 'SILENT', shopId: 'shop', bonusValue: 1 }),
          () => repository.findById(code.id),
          () => repository.update(code.id, { name: 'x' }),
          () => repository.deactivate(code.id),
          () => repository.delete(code.id),
          () => repository.validate(request(code)),
          () => repository.rollbackUse(used.use.id),
          () => repository.amendUse(used.use.id, { baseReward: 1 }),
          () => repository.confirm(used.use.id),
          () => repository.usageStats(code.id),
          () => limited.redeem(request(code), { rateLimitKey: '203.0.113.7' }),
        ].map((call) => timed(call)),
      );
      for (const { ms, error } of outcomes) {
        expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
        expect(isPromoCodesError(error)).toBe(true);
      }
      // Reads are never in doubt, and neither is what was not committed.
      for (const { error } of outcomes.slice(2))
        expect(error).toMatchObject({ code: expect.not.stringMatching(/UNKNOWN/) });
    },
    FULL ? 60_000 : 20_000,
  );

  it('in a transaction of the host: the call settles, and nothing of the transaction is kept', async () => {
    const repository = new PromoCodeRepository(pool, { schema, ...TIMES });
    const code = await newCode();
    await repository.redeem(request(await newCode()));
    const client = await pool.connect();
    client.on('error', () => {});
    await client.query('BEGIN');
    proxy.onData((from) => (from === 'server' ? 'silence' : 'pass'));
    const { ms, error } = await timed(() => repository.redeem(request(code), { client }));
    expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
    expect(error).toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('Nothing of the transaction'),
    });
    await expect(client.query('COMMIT')).rejects.toThrow();
    client.release(true);
    proxy.onData(() => 'pass');
    expect(await counts(code)).toMatchObject({ uses: 0 });
  });
});

describe('a pool that the host has used up', () => {
  it('is named as such, with the remedy', async () => {
    const single = t.poolWith({ max: 1 });
    const repository = new PromoCodeRepository(single, { schema, ...TIMES });
    const code = await newCode();
    const client = await single.connect();
    await client.query('BEGIN');
    const { ms, error } = await timed(() => repository.redeem(request(code)));
    expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
    expect(error).toMatchObject({ code: 'POOL_EXHAUSTED', message: expect.stringMatching(/\{ client \}.*larger/s) });
    client.release();
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
  });

  it('with a timeout of its own as well', async () => {
    const single = t.poolWith({ max: 1, connectionTimeoutMillis: 100 });
    const repository = new PromoCodeRepository(single, { schema, ...TIMES });
    // On a busy machine a connection takes longer than that now and then.
    const client = await eventually(() => single.connect());
    await expect(repository.list()).rejects.toMatchObject({ code: 'POOL_EXHAUSTED' });
    client.release();
  });

  it('is told apart from a server that does not answer', async () => {
    proxy.onData(() => 'silence');
    const repository = new PromoCodeRepository(pool, { schema, ...TIMES });
    await expect(repository.list()).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  });
});

describe('bad times', () => {
  it.each([
    [{ deadlineMs: 0 }, 'deadlineMs'],
    [{ deadlineMs: Number.POSITIVE_INFINITY }, 'deadlineMs'],
    [{ deadlineMs: Number.NaN }, 'deadlineMs'],
    [{ attemptTimeoutMs: 0 }, 'attemptTimeoutMs'],
    [{ deadlineMs: 1_000, lockTimeoutMs: 2_000 }, 'deadlineMs'],
    [{ attemptTimeoutMs: 1_000, lockTimeoutMs: 2_000 }, 'attemptTimeoutMs'],
    [{ attemptTimeoutMs: 3_000, deadlineMs: 2_000 }, 'deadlineMs'],
  ])('%o is refused', (options, path) => {
    expect(() => new PromoCodeRepository(t.pool, { schema, ...options })).toThrow(
      expect.objectContaining({
        code: 'VALIDATION',
        issues: expect.arrayContaining([expect.objectContaining({ path })]),
      }),
    );
  });

  it('defaults give way to what is given', async () => {
    for (const options of [{ deadlineMs: 500 }, { lockTimeoutMs: 30_000 }, { attemptTimeoutMs: 200 }]) {
      expect(await new PromoCodeRepository(t.pool, { schema, ...options }).list()).toMatchObject({ nextCursor: null });
    }
  });
});
