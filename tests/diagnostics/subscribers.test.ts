import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { redeemChannel } from '../../src/diagnostics/channels';
import { Operation, Trace } from '../../src/diagnostics/operation';
import {
  type BatchEvent,
  checkDrift,
  installTriggers,
  PromoCodeRepository,
  type RedeemEvent,
  repairDrift,
  streamDrift,
} from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository } from '../support/repository';
import { CHANNELS, failureOf, NAMES } from './fixture';

const t = useRepository('subscribers');
const { newCode, request, repository, schema } = t;
afterEach(() => void vi.restoreAllMocks());

/** Every method that publishes something, and one attempt that fails. */
async function everything(using: PromoCodeRepository): Promise<unknown[]> {
  const code = await newCode({ perCustomerLimit: null });
  const made = await using.redeem(request(code));
  return [
    await using.redeem({ ...request(code), code: 'NOSUCH' }),
    await failureOf(using.redeem({ ...request(code), baseReward: 'ten' })),
    (await using.redeemMany([request(code)])).length,
    (await using.reserve({ ...request(code), ttlSeconds: 60 })).ok,
    (await using.validate(request(code))).valid,
    await using.rollbackUse(made.ok ? made.use.id : ''),
    await checkDrift(t.pool, { schema }),
    await repairDrift(t.pool, { schema }),
    await streamDrift(t.pool, { schema }).next(),
    await installTriggers(t.pool, { schema }),
  ];
}

/** The first redemption fails with a serialization failure. */
function failingOnce(): PromoCodeRepository {
  let failed = false;
  const pool = intercepted(t.pool, async (text, values, send) => {
    if (failed || !text.includes('redeem_promo_code')) return send(text, values);
    failed = true;
    throw Object.assign(new Error('conflict'), { code: '40001' });
  });
  return new PromoCodeRepository(pool, { schema });
}

describe('where nobody listens', () => {
  it('no event is built, and nothing is published', async () => {
    const begin = vi.spyOn(Operation.prototype, 'begin');
    const published = NAMES.map((name) => vi.spyOn(channel(name), 'publish'));
    const stores = CHANNELS.map((name) => vi.spyOn(channel(`tracing:pg-promo-codes:${name}:start`), 'runStores'));
    await everything(failingOnce());
    expect(begin).not.toHaveBeenCalled();
    for (const spy of [...published, ...stores]) expect(spy).not.toHaveBeenCalled();
  });

  it('a call is described and completed only for a subscriber', async () => {
    const describeCall = vi.fn(() => ({ durationMs: 0 }) as RedeemEvent);
    const answered = vi.fn(() => ({}));
    const finish = { answered, failed: answered };
    const work = vi.fn(async (trace?: unknown) => trace);
    expect(await redeemChannel.run(describeCall, work, finish)).toBeUndefined();
    expect(describeCall).not.toHaveBeenCalled();
    expect(answered).not.toHaveBeenCalled();
    const listener = () => undefined;
    subscribe('pg-promo-codes:redeem', listener);
    expect(await redeemChannel.run(describeCall, work, finish)).toBeInstanceOf(Trace);
    unsubscribe('pg-promo-codes:redeem', listener);
    expect(describeCall).toHaveBeenCalledOnce();
    expect(answered).toHaveBeenCalledOnce();
    expect(await redeemChannel.run(describeCall, work, finish)).toBeUndefined();
  });
});

it.each(['', ':start', ':end', ':asyncStart', ':asyncEnd', ':error'])(
  'one channel is enough to be heard: %s',
  (phase) => {
    const name = phase === '' ? 'pg-promo-codes:redeem' : `tracing:pg-promo-codes:redeem${phase}`;
    expect(redeemChannel.isHeard).toBe(false);
    const listener = () => undefined;
    subscribe(name, listener);
    expect(redeemChannel.isHeard).toBe(true);
    unsubscribe(name, listener);
    expect(redeemChannel.isHeard).toBe(false);
  },
);

describe('a subscriber that throws', () => {
  it('harms no call: Node.js reports what it threw', async () => {
    const expected = await everything(repository);
    const thrown: unknown[] = [];
    const onUncaught = (error: unknown) => void thrown.push(error);
    // Those of the test runner would take it for a failure.
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', onUncaught);
    const listener = () => {
      throw new Error('of a subscriber');
    };
    for (const name of NAMES) subscribe(name, listener);
    try {
      expect(await everything(failingOnce())).toEqual(expected);
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      for (const name of NAMES) unsubscribe(name, listener);
      process.removeListener('uncaughtException', onUncaught);
      for (const other of others) process.on('uncaughtException', other);
    }
    expect(thrown.length).toBeGreaterThan(50);
    for (const error of thrown) expect(error).toMatchObject({ message: 'of a subscriber' });
  });
});

it('a subscriber that freezes what it gets harms no call', async () => {
  const expected = await everything(repository);
  for (const name of NAMES) subscribe(name, Object.freeze);
  try {
    expect(await everything(failingOnce())).toEqual(expected);
  } finally {
    for (const name of NAMES) unsubscribe(name, Object.freeze);
  }
});

describe('the asynchronous context', () => {
  const store = new AsyncLocalStorage<string>();

  it('of a redemption is its caller’s, also where callers share a statement; that of the statement is the repository’s', async () => {
    const own = store.run('home', () => new PromoCodeRepository(t.pool, { schema, batching: { lanes: 1 } }));
    const code = await newCode({ perCustomerLimit: null });
    await own.redeem(request(code));
    const seen: string[] = [];
    const look = (phase: string) => () => void seen.push(`${phase} ${store.getStore()}`);
    const batches: string[] = [];
    const redemptions = tracingChannel<unknown, RedeemEvent>('pg-promo-codes:redeem');
    const statements = tracingChannel<unknown, BatchEvent>('pg-promo-codes:batch');
    const listeners = {
      start: look('start'),
      end: look('end'),
      asyncStart: look('asyncStart'),
      asyncEnd: look('asyncEnd'),
      error: look('error'),
    };
    const ofBatch = (event: unknown) => void batches.push(`${(event as BatchEvent).size} ${store.getStore()}`);
    redemptions.subscribe(listeners);
    statements.asyncEnd.subscribe(ofBatch);
    const callers = Array.from({ length: 8 }, (_, place) => `caller ${place}`);
    await Promise.all(callers.map((name) => store.run(name, () => own.redeem(request(code)))));
    redemptions.unsubscribe(listeners);
    statements.asyncEnd.unsubscribe(ofBatch);
    for (const phase of ['start', 'end', 'asyncStart', 'asyncEnd']) {
      expect(seen.filter((entry) => entry.startsWith(`${phase} `)).sort()).toEqual(
        callers.map((name) => `${phase} ${name}`),
      );
    }
    expect(seen).toHaveLength(4 * callers.length);
    expect(batches).toEqual(['1 home', '7 home']);
  });

  it('can be bound to an operation: its statements and its retries see what was bound', async () => {
    const { start } = tracingChannel<string, RedeemEvent>('pg-promo-codes:redeem');
    const seen: (string | undefined)[] = [];
    let failed = false;
    const pool = intercepted(t.pool, async (text, values, send) => {
      if (!text.includes('redeem_promo_code')) return send(text, values);
      seen.push(store.getStore());
      if (failed) return send(text, values);
      failed = true;
      throw Object.assign(new Error('conflict'), { code: '40001' });
    });
    const alone = new PromoCodeRepository(pool, { schema, batching: false });
    const code = await newCode();
    start.bindStore(store, ({ method }) => `in ${method}`);
    const onRetry = () => void seen.push(store.getStore());
    subscribe('pg-promo-codes:retry', onRetry);
    await alone.redeem(request(code));
    unsubscribe('pg-promo-codes:retry', onRetry);
    start.unbindStore(store);
    expect(seen).toEqual(['in redeem', 'in redeem', 'in redeem']);
    expect(store.getStore()).toBeUndefined();
    expect(redeemChannel.isHeard).toBe(false);
  });
});
