import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, it } from 'vitest';
import { LockTimeoutError, PromoCodeRepository, type RepositoryOptions } from '../../src/index';
import { eventually } from '../support';
import { startProxy } from '../support/proxy';
import { useRepository } from '../support/repository';

const t = useRepository('table locks');
const { newCode, request, schema } = t;
const POOL = 5;
const LOOK_EVERY_MS = 20;
/** Of connections that are being replaced: the old one has not ended yet. */
const A_FEW = 3;

const OPTIONS = { lockTimeoutMs: 500, attemptTimeoutMs: 1_500, deadlineMs: 25_000 };

/** A lock of everything that reads or writes codes, as a migration takes it. */
async function holdTable(): Promise<pg.Client> {
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('LOCK TABLE :"schema".promo_codes IN ACCESS EXCLUSIVE MODE'));
  return holder;
}

/** The statements that wait for a lock in this moment. */
async function waiting(watcher: pg.Client): Promise<number> {
  const { rows } = await watcher.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM pg_stat_activity
      WHERE wait_event_type = 'Lock' AND application_name = current_setting('application_name')`,
  );
  return rows[0]!.count;
}

/** Runs calls while the table is locked, and gives what they came to and how many statements waited at the most. */
async function whileLocked(calls: () => Promise<unknown>[]): Promise<{ errors: unknown[]; most: number }> {
  const [holder, watcher] = [await holdTable(), await t.client()];
  let isOver = false;
  const settled = Promise.all(calls().map((call) => call.catch((error: unknown) => error))).finally(() => {
    isOver = true;
  });
  let most = 0;
  while (!isOver) {
    most = Math.max(most, await waiting(watcher));
    await sleep(LOOK_EVERY_MS);
  }
  const errors = await settled;
  // Nobody waits who has nobody to answer to any more.
  await eventually(async () => expect(await waiting(watcher)).toBe(0));
  await holder.query('ROLLBACK');
  return { errors, most };
}

/** A repository of which everything was called once, on a pool of its own. */
async function newRepository(options: RepositoryOptions = {}) {
  const pool = t.poolWith({ max: POOL });
  const repository = new PromoCodeRepository(pool, { schema, ...OPTIONS, ...options });
  const code = await newCode({ perCustomerLimit: null });
  const key = options.rateLimit === true ? { rateLimitKey: 'before' } : {};
  await Promise.all([repository.redeem(request(code), key), repository.validate(request(code), key)]);
  return { pool, repository, code };
}

it('forty calls behind the lock of a table: no more wait in the server than the pool has connections, and all are told of the lock', async () => {
  const { repository, code, pool } = await newRepository({ batching: false });
  const { errors, most } = await whileLocked(() =>
    Array.from({ length: 40 }, (_, place) => {
      if (place % 4 === 3) return repository.redeem(request(code));
      return place % 2 === 0 ? repository.findByCode(code.code, 'shop') : repository.validate(request(code));
    }),
  );
  for (const error of errors) expect(error).toBeInstanceOf(LockTimeoutError);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(POOL + A_FEW);
  expect(pool.totalCount).toBeLessThanOrEqual(POOL);
  expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
  expect(await repository.findByCode(code.code, 'shop')).toMatchObject({ timesUsed: 2 });
}, 60_000);

it('previews behind the rate limiter end as well', async () => {
  const { repository, code } = await newRepository({ rateLimit: true });
  const { errors } = await whileLocked(() =>
    [1, 2, 3].map((key) => repository.validate(request(code), { rateLimitKey: `203.0.113.${key}` })),
  );
  for (const error of errors) expect(error).toBeInstanceOf(LockTimeoutError);
}, 60_000);

it('in a transaction of the host the wait ends when the call does', async () => {
  const { repository, pool, code } = await newRepository({ deadlineMs: 2_000 });
  const client = await pool.connect();
  client.on('error', () => {});
  await client.query('BEGIN');
  const { errors } = await whileLocked(() => [repository.validate(request(code), { client })]);
  expect(errors).toMatchObject([{ code: 'CONNECTION_LOST' }]);
  client.release(true);
}, 60_000);

it('what looks for the use of a call whose connection broke ends with its attempt', async () => {
  const proxy = await startProxy(t.url);
  const pool = new pg.Pool({ connectionString: proxy.url, max: POOL });
  pool.on('error', () => {});
  const repository = new PromoCodeRepository(pool, { schema, ...OPTIONS, deadlineMs: 5_000 });
  const code = await newCode({ perCustomerLimit: null });
  await repository.redeem(request(code));
  let isCut = false;
  proxy.onData((from, data) => {
    if (isCut || from === 'server' || !data.includes('.redeem_promo_code')) return 'pass';
    isCut = true;
    return 'cut';
  });
  const { errors, most } = await whileLocked(() => [repository.redeem(request(code))]);
  expect(errors).toMatchObject([{ code: 'OUTCOME_UNKNOWN' }]);
  expect(isCut).toBe(true);
  expect(most).toBeLessThanOrEqual(2);
  await pool.end();
  await proxy.close();
}, 60_000);
