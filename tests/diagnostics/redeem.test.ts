import { describe, expect, it } from 'vitest';
import { type PromoCode, PromoCodeRepository, type RedeemEvent } from '../../src/index';
import { useRepository, waitingRedemption } from '../support/repository';
import { FAILURE, failureOf, SUCCESS, useEvents } from './fixture';

const t = useRepository('redeem_events');
const { newCode, request, repository, schema } = t;
const heard = useEvents<RedeemEvent>('redeem');

/** The event of the only call since, which went through these phases. */
function onlyEvent(phases = SUCCESS): RedeemEvent {
  expect(heard.phases).toEqual(phases);
  expect(heard.events).toHaveLength(1);
  return heard.events[0]!;
}

function forget(): void {
  heard.events = [];
  heard.phases = [];
}

async function holdLock(code: PromoCode) {
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  return { release: () => holder.query('COMMIT') };
}

it('a redemption: where, how it was sent, and what it came to', async () => {
  const code = await newCode();
  await repository.redeem(request(code));
  expect(onlyEvent()).toEqual({
    method: 'redeem',
    schema,
    shopId: 'shop',
    size: 1,
    inTransaction: false,
    outcomes: { redeemed: 1 },
    batchSize: 1,
    attempts: 1,
    waitedMs: expect.any(Number),
    durationMs: expect.any(Number),
  });
  const { waitedMs, durationMs } = heard.events[0]!;
  expect(waitedMs).toBeGreaterThan(0);
  expect(durationMs).toBeGreaterThan(waitedMs);
});

it('reserve, and a replay', async () => {
  const code = await newCode();
  const asked = { ...request(code), idempotencyKey: 'once', ttlSeconds: 60 };
  await repository.reserve(asked);
  expect(onlyEvent()).toMatchObject({ method: 'reserve', outcomes: { redeemed: 1 } });
  forget();
  await repository.reserve(asked);
  expect(onlyEvent()).toMatchObject({ method: 'reserve', outcomes: { replayed: 1 } });
});

const DAY = 86_400_000;
describe.each([
  ['inactive', { isActive: false }],
  ['not_started', { startDate: new Date(Date.now() + DAY), endDate: null }],
  ['expired', { endDate: new Date(Date.now() - DAY / 2) }],
  ['usage_limit_reached', { totalUsageLimit: 1 }],
  ['customer_limit_reached', { perCustomerLimit: 1 }],
] as const)('a refusal: %s', (reason, fields) => {
  it('is an outcome, and no error', async () => {
    const code = await newCode(fields);
    const asked = request(code);
    await repository.redeem(asked);
    forget();
    expect(await repository.redeem(asked)).toMatchObject({ ok: false, reason });
    expect(onlyEvent()).toMatchObject({ outcomes: { [reason]: 1 }, attempts: 1, batchSize: 1 });
    expect(heard.events[0]).not.toHaveProperty('error');
  });
});

it('refusals of a code that is not there, and of a use that was rolled back', async () => {
  const code = await newCode();
  await repository.redeem({ ...request(code), code: 'NOSUCH' });
  expect(onlyEvent()).toMatchObject({ outcomes: { not_found: 1 } });
  const asked = request(code, { idempotencyKey: 'taken back' });
  const made = await repository.redeem(asked);
  await repository.rollbackUse(made.ok ? made.use.id : '');
  forget();
  await repository.redeem(asked);
  expect(onlyEvent()).toMatchObject({ outcomes: { rolled_back: 1 } });
});

it('with uniform refusals no more is reported than the caller learns', async () => {
  const uniform = new PromoCodeRepository(t.pool, { schema, uniformRefusals: true });
  await uniform.redeem(request(await newCode({ isActive: false })));
  expect(onlyEvent()).toMatchObject({ outcomes: { not_found: 1 } });
});

it('the campaign, where all codes of the call are of one and the caller is told of them', async () => {
  const { id } = await repository.campaigns.create({ shopId: 'shop', name: 'Summer', totalUsageLimit: 3 });
  const [one, other, free] = [await newCode({ campaignId: id }), await newCode({ campaignId: id }), await newCode()];
  const campaignOf = async (call: () => Promise<unknown>) => {
    forget();
    await call();
    return onlyEvent().campaignId;
  };
  expect(await campaignOf(() => repository.redeem(request(one)))).toBe(id);
  expect(await campaignOf(() => repository.reserve({ ...request(other), ttlSeconds: 60 }))).toBe(id);
  expect(await campaignOf(() => repository.redeem(request(free)))).toBeUndefined();
  expect(await campaignOf(() => repository.redeemMany([request(one), request(free)]))).toBeUndefined();
  expect(await campaignOf(() => repository.redeemMany([request(one), request(other)]))).toBe(id);
  expect(onlyEvent()).toMatchObject({ outcomes: { campaign_limit_reached: 2 } });
  await repository.campaigns.update(id, { isActive: false });
  expect(await campaignOf(() => repository.redeem(request(one)))).toBe(id);
  const uniform = new PromoCodeRepository(t.pool, { schema, uniformRefusals: true });
  expect(await campaignOf(() => uniform.redeem(request(one)))).toBeUndefined();
  expect(onlyEvent()).toMatchObject({ outcomes: { not_found: 1 } });
});

it('in a transaction of the host', async () => {
  const code = await newCode();
  const client = await t.client();
  await client.query('BEGIN');
  await repository.redeem(request(code), { client });
  await client.query('ROLLBACK');
  expect(onlyEvent()).toMatchObject({ inTransaction: true, outcomes: { redeemed: 1 }, attempts: 1, batchSize: 1 });
});

it('redeemMany is one event, with its outcomes counted', async () => {
  const [code, closed] = [await newCode({ totalUsageLimit: 3 }), await newCode({ isActive: false })];
  const asked = [...Array.from({ length: 5 }, () => request(code)), request(closed)];
  await repository.redeemMany(asked);
  expect(onlyEvent()).toMatchObject({
    method: 'redeemMany',
    shopId: 'shop',
    size: 6,
    outcomes: { redeemed: 3, usage_limit_reached: 2, inactive: 1 },
    batchSize: 6,
    attempts: 1,
  });
  forget();
  await repository.redeemMany([request(code), { ...request(code), shopId: 'other' }]);
  expect(onlyEvent()).toMatchObject({ size: 2, outcomes: { usage_limit_reached: 1, not_found: 1 } });
  expect(heard.events[0]!.shopId).toBeUndefined();
});

it('those who share a statement see its size, and how long they waited for it', async () => {
  const code = await newCode({ perCustomerLimit: null });
  const lock = await holdLock(code);
  const first = repository.redeem(request(code));
  await waitingRedemption(t);
  const others = Array.from({ length: 20 }, () => repository.redeem(request(code)));
  expect(repository.queueLength).toBe(20);
  const calledAt = performance.now();
  await t.sql('SELECT');
  const heldMs = performance.now() - calledAt;
  await lock.release();
  await Promise.all([first, ...others]);
  expect(repository.queueLength).toBe(0);
  expect(heard.events.map(({ batchSize }) => batchSize)).toEqual([1, ...others.map(() => 20)]);
  expect(heard.events.map(({ outcomes }) => outcomes.redeemed)).toEqual(heard.events.map(() => 1));
  for (const { waitedMs } of heard.events.slice(1)) expect(waitedMs).toBeGreaterThan(heldMs);
});

describe('an error', () => {
  it('of the arguments: nothing was sent', async () => {
    await failureOf(repository.redeem({ ...request(await newCode()), baseReward: 'ten' }));
    expect(onlyEvent(FAILURE)).toMatchObject({
      error: { code: 'VALIDATION' },
      outcomes: { VALIDATION: 1 },
      attempts: 0,
      waitedMs: 0,
      batchSize: 0,
    });
  });

  it('of an idempotency key', async () => {
    const code = await newCode({ perCustomerLimit: null });
    await repository.redeem(request(code, { idempotencyKey: 'conflict' }));
    forget();
    await failureOf(repository.redeem(request(code, { idempotencyKey: 'conflict', baseReward: '11' })));
    expect(onlyEvent(FAILURE)).toMatchObject({ outcomes: { IDEMPOTENCY_CONFLICT: 1 } });
  });

  it('of redeemMany is that of all its redemptions', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const asked = request(code, { idempotencyKey: 'twice' });
    await failureOf(repository.redeemMany([request(code), asked, { ...asked, baseReward: '11' }]));
    expect(onlyEvent(FAILURE)).toMatchObject({ size: 3, outcomes: { IDEMPOTENCY_CONFLICT: 3 } });
  });

  it('of the server, with its SQLSTATE', async () => {
    await t.sql(
      `ALTER TABLE :"schema".promo_code_uses ADD CONSTRAINT no_mallory CHECK (customer_address <> 'mallory')`,
    );
    await failureOf(repository.redeem(request(await newCode(), { customerAddress: 'mallory' })));
    await t.sql('ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT no_mallory');
    const { error } = onlyEvent(FAILURE);
    expect(error).toMatchObject({ sqlState: '23514' });
    expect(Object.keys(error!)).toEqual(['code', 'sqlState']);
  });

  it('of a lock, of a full queue, of the limiter, and of a closed repository', async () => {
    const busy = new PromoCodeRepository(t.pool, { schema, lockTimeoutMs: 100, batching: { maxQueue: 1, lanes: 1 } });
    const code = await newCode();
    const lock = await holdLock(code);
    const calls = Array.from({ length: 3 }, () => failureOf(busy.redeem(request(code))));
    // The first call reads the tables; who comes meanwhile is in the queue at the same moment.
    await Promise.all(calls);
    await lock.release();
    const codes = heard.events.map(({ error }) => error?.code).sort();
    expect(codes).toEqual(['LOCK_TIMEOUT', 'LOCK_TIMEOUT', 'QUEUE_FULL']);
    expect(heard.events.find(({ error }) => error?.code === 'QUEUE_FULL')).toMatchObject({ attempts: 0, batchSize: 0 });
    expect(heard.events.find(({ error }) => error?.code === 'LOCK_TIMEOUT')!.attempts).toBeGreaterThan(0);

    const limited = new PromoCodeRepository(t.pool, { schema, rateLimit: { failures: 1 } });
    const guess = () => limited.redeem({ ...request(code), code: 'NOSUCH' }, { rateLimitKey: 'guesser' });
    await guess();
    forget();
    await failureOf(guess());
    expect(onlyEvent(FAILURE)).toMatchObject({ outcomes: { RATE_LIMITED: 1 }, attempts: 0 });

    await limited.close();
    forget();
    await failureOf(guess());
    expect(onlyEvent(FAILURE)).toMatchObject({ outcomes: { CLOSED: 1 }, attempts: 0 });
  });
});
