import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Campaign,
  type ConnectionPool,
  type PromoCode,
  PromoCodeRepository,
  type PromoCodeUse,
  type QueryResultLike,
  type RepositoryOptions,
  type RetryEvent,
  ValidationError,
} from '../../src/index';
import { useEvents } from '../diagnostics/fixture';
import { eventually } from '../support';
import { intercepted } from '../support/intercepted';
import { startProxy } from '../support/proxy';
import { useRepository } from '../support/repository';

const t = useRepository('replica', { options: { deadlineMs: 10_000 } });
// A second server that is always up to date. tests/repository/standby.test.ts has a real one.
const readOnly = t.poolWith({ options: '-c default_transaction_read_only=on' });
const asked = { primary: 0, replica: 0 };
let fault: (() => QueryResultLike | Promise<QueryResultLike>) | undefined;
const primary = intercepted(t.pool, (text, values, send) => {
  asked.primary += 1;
  return send(text, values);
});
const replica = intercepted(readOnly, async (text, values, send) => {
  asked.replica += 1;
  return fault ? fault() : send(text, values);
});

let code: PromoCode;
let use: PromoCodeUse;
let campaign: Campaign;

beforeAll(async () => {
  code = await t.newCode({ perCustomerLimit: null });
  const result = await t.repository.redeem(t.request(code));
  if (!result.ok) throw new Error(result.message);
  ({ use } = result);
  campaign = await t.repository.campaigns.create({ shopId: code.shopId, name: 'Summer' });
});

function newRepository(options: RepositoryOptions = {}): PromoCodeRepository {
  return new PromoCodeRepository(primary, { schema: t.schema, readPool: replica, ...options });
}

/** One whose host is known, and what the next calls ask. */
async function ready(options: RepositoryOptions = {}): Promise<PromoCodeRepository> {
  fault = undefined;
  const repository = newRepository(options);
  await repository.findById(code.id);
  Object.assign(asked, { primary: 0, replica: 0 });
  return repository;
}

function newPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 3 });
  pool.on('error', () => {});
  return pool;
}

const { shopId, customerAddress } = { shopId: 'shop', customerAddress: 'ann' };
/** Every method that only reads, but for that of the history, which is not kept here. */
const reads: Record<
  string,
  (r: PromoCodeRepository, options?: { fresh?: boolean; client?: pg.PoolClient }) => unknown
> = {
  validate: (r, options) => r.validate({ code: code.code, shopId, customerAddress, baseReward: 1 }, options),
  findById: (r, options) => r.findById(code.id, options),
  findByCode: (r, options) => r.findByCode(code.code, shopId, options),
  list: (r, options) => r.list({ shopId, state: 'redeemable', ...options }),
  usesByCustomer: (r, options) => r.usesByCustomer(use.customerAddress, { limit: 5, ...options }),
  usesByCode: (r, options) => r.usesByCode(code.id, { shopId, ...options }),
  usageStats: (r, options) => r.usageStats(code.id, { days: 2, ...options }),
  shopStats: (r, options) => r.shopStats({ shopId, ...options }),
  'campaigns.findById': (r, options) => r.campaigns.findById(campaign.id, options),
  'campaigns.list': (r, options) => r.campaigns.list({ shopId, ...options }),
};

describe.each(Object.entries(reads))('%s', (_name, read) => {
  it('asks the replica alone, and gives the answer of the primary', async () => {
    const repository = await ready();
    const answer = await read(repository);
    expect(asked).toEqual({ primary: 0, replica: 1 });
    expect(answer).toEqual(await read(t.repository));
  });

  it('asks the primary alone with fresh, or with a client', async () => {
    const repository = await ready();
    const answer = await read(repository, { fresh: true });
    expect(asked).toEqual({ primary: 1, replica: 0 });
    const client = await t.pool.connect();
    try {
      expect(await read(repository, { client })).toEqual(answer);
    } finally {
      client.release();
    }
    expect(asked.replica).toBe(0);
  });
});

it('sends nothing else to the replica, not even the reading of a method that writes', async () => {
  const repository = await ready();
  const own = await repository.create({ code: 'WRITTEN', shopId, bonusValue: 5, campaignId: campaign.id });
  await repository.ensure({ code: 'WRITTEN', shopId, bonusValue: 5 });
  await repository.import([{ code: 'IMPORTED', bonusValue: 5, shopId }]);
  await repository.generate({ shopId, count: 2, bonusValue: 5 });
  await repository.update(own.id, { name: 'x' });
  await repository.deactivate(own.id);
  await repository.activate(own.id);
  const result = await repository.redeem(t.request(own));
  if (!result.ok) throw new Error(result.message);
  await repository.redeemMany([t.request(code)]);
  await repository.amendUse(result.use.id, { baseReward: 3 });
  await repository.rollbackUse(result.use.id);
  const hold = await repository.reserve({ ...t.request(code), ttlSeconds: 60 });
  if (!hold.ok) throw new Error(hold.message);
  await repository.confirm(hold.use.id);
  await repository.releaseExpired();
  await repository.pruneIdempotencyKeys({ olderThanDays: 1 });
  await repository.eraseCustomer(hold.use.customerAddress, { replacement: 'erased-1' });
  await repository.campaigns.update(campaign.id, { name: 'Winter' });
  await repository.campaigns.removeCodes(campaign.id, [own.id]);
  await repository.delete(own.id);
  expect(asked.replica).toBe(0);
});

it('reads what is installed from the primary, also at the first call', async () => {
  fault = undefined;
  Object.assign(asked, { primary: 0, replica: 0 });
  await newRepository().list({ shopId });
  expect(asked.replica).toBe(1);
  expect(asked.primary).toBeGreaterThan(0);
});

it('takes a readPool that is the pool itself, and one that is left out', async () => {
  for (const readPool of [primary, undefined]) {
    const repository = await ready({ readPool });
    expect(await repository.findById(code.id)).toMatchObject({ id: code.id });
    expect(asked).toEqual({ primary: 1, replica: 0 });
  }
});

it.each([
  ['a client', async () => t.client()],
  ['a URL', async () => t.url],
  ['null', async () => null],
])('refuses a readPool that is %s', async (_what, wrong) => {
  const readPool = (await wrong()) as unknown as ConnectionPool;
  expect(() => newRepository({ readPool })).toThrow(ValidationError);
  expect(() => newRepository({ readPool })).toThrow(/readPool: must be a pool/);
});

it('knows fresh only where something is read', async () => {
  const fresh = { fresh: true } as object;
  await expect(t.repository.redeem(t.request(code), fresh)).rejects.toThrow(/fresh: is not an option of redeem\(\)/);
  await expect(t.repository.deactivate(code.id, fresh)).rejects.toThrow(/fresh: is not an option/);
});

describe('a replica that fails', () => {
  const heard = useEvents<RetryEvent>('retry');
  const refusal = (sqlState: string, message: string) => () => {
    throw Object.assign(new Error(message), { code: sqlState, severity: 'ERROR' });
  };

  it.each([
    ['40001', 'canceling statement due to conflict with recovery', 'RETRYABLE_TRANSACTION'],
    ['42883', 'function does not exist: it has not been replayed yet', 'NOT_INSTALLED'],
    ['57014', 'canceling statement due to statement timeout', 'TIMEOUT'],
    ['55000', 'cannot do this during recovery', 'DATABASE_ERROR'],
  ])('with %s is made up for by the primary, once, and is asked the next time', async (sqlState, message) => {
    const repository = await ready();
    fault = refusal(sqlState, message);
    expect(await repository.findById(code.id)).toMatchObject({ id: code.id });
    expect(asked).toEqual({ primary: 1, replica: 1 });
    expect(heard.events).toMatchObject([{ attempt: 1, inDoubt: false, failure: { sqlState } }]);
    fault = undefined;
    await repository.findById(code.id);
    expect(asked).toEqual({ primary: 1, replica: 2 });
  });

  it('leaves a wrong argument a wrong argument', async () => {
    const repository = await ready();
    await expect(repository.usageStats(code.id, { timeZone: 'Europe/Nowhere' })).rejects.toThrow(ValidationError);
    await expect(repository.usageStats('999999999')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('and cannot be reached is not waited for, and asked when it is back', async () => {
    const proxy = await startProxy(t.url);
    const readPool = newPool(proxy.url);
    const repository = await ready({ readPool });
    try {
      await repository.findById(code.id);
      await proxy.down();
      Object.assign(asked, { primary: 0 });
      // Those who come at the same moment, and those who come later.
      await Promise.all(Array.from({ length: 8 }, () => repository.findById(code.id)));
      const before = heard.events.length;
      for (let call = 0; call < 10; call += 1) await repository.findById(code.id);
      expect(heard.events).toHaveLength(before);
      expect(asked.primary).toBe(18);
      await proxy.up();
      await eventually(
        async () => {
          Object.assign(asked, { primary: 0 });
          await repository.findById(code.id);
          expect(asked.primary).toBe(0);
        },
        { timeoutMs: 10_000 },
      );
      await repository.close();
    } finally {
      await readPool.end();
      await proxy.close();
    }
  });

  it('and goes silent takes half of the time, once', async () => {
    const proxy = await startProxy(t.url);
    const readPool = newPool(proxy.url);
    const repository = await ready({ readPool, deadlineMs: 2_000 });
    try {
      await repository.findById(code.id);
      proxy.silence(10);
      proxy.onData(() => 'silence');
      const began = performance.now();
      expect(await repository.findById(code.id)).toMatchObject({ id: code.id });
      expect(performance.now() - began).toBeGreaterThan(990);
      Object.assign(asked, { primary: 0 });
      for (let call = 0; call < 5; call += 1) await repository.findById(code.id);
      expect(asked.primary).toBe(5);
    } finally {
      await repository.close();
      await readPool.end();
      await proxy.close();
    }
  });

  it('fails the call only where the primary fails as well, with the error of the primary', async () => {
    const down = intercepted(t.pool, async () => {
      throw Object.assign(new Error('too many'), { code: '42501', severity: 'ERROR' });
    });
    const repository = new PromoCodeRepository(down, { schema: t.schema, readPool: replica });
    await expect(repository.findById(code.id)).rejects.toMatchObject({ code: 'INSUFFICIENT_PRIVILEGE' });
  });

  it('goes on alone where the primary is gone', async () => {
    let isGone = false;
    const going = intercepted(t.pool, async (text, values, send) => {
      if (isGone) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' });
      return send(text, values);
    });
    fault = undefined;
    const repository = new PromoCodeRepository(going, { schema: t.schema, readPool: replica, retry: { attempts: 1 } });
    await repository.findById(code.id);
    isGone = true;
    expect(await repository.findById(code.id)).toMatchObject({ id: code.id });
    await expect(repository.findById(code.id, { fresh: true })).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  });
});
