import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type BatchEvent,
  checkDrift,
  LockTimeoutError,
  type PromoCode,
  PromoCodeRepository,
  PromoCodesError,
  QueueFullError,
  type RedeemInput,
  type RedeemResult,
  type RepositoryOptions,
} from '../../src/index';
import { isWhole } from '../support';
import { useRepository, waitingRedemption } from '../support/repository';

const t = useRepository('batching');
const { newCode, request, counts, schema } = t;

let events: BatchEvent[] = [];
const listen = (message: unknown) => {
  const event = message as BatchEvent;
  if (event.schema === schema) events.push(event);
};
beforeEach(() => {
  events = [];
  subscribe('pg-promo-codes:batch', listen);
});
afterEach(async () => {
  unsubscribe('pg-promo-codes:batch', listen);
  expect(await checkDrift(t.pool, { schema })).toEqual([]);
});

const sizes = () => events.map(({ size }) => size);

/** A repository that knows the tables already, so that the first call of a test is its redemption. */
async function readyRepository(options: RepositoryOptions = {}, pool = t.pool): Promise<PromoCodeRepository> {
  const repository = new PromoCodeRepository(pool, { schema, ...options });
  const code = await newCode();
  await repository.redeem(request(code));
  events = [];
  return repository;
}

async function holdLock(code: PromoCode): Promise<{ release(): Promise<unknown> }> {
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  return { release: () => holder.query('COMMIT') };
}

it('the first goes at once and alone; those who come meanwhile go together, with its return', async () => {
  const repository = await readyRepository();
  const code = await newCode({ totalUsageLimit: 30 });
  const lock = await holdLock(code);
  const first = repository.redeem(request(code));
  await waitingRedemption(t);
  const others = Array.from({ length: 40 }, () => repository.redeem(request(code)));
  await lock.release();
  expect(await first).toMatchObject({ ok: true });
  const results = await Promise.all(others);
  // In order of arrival: the first 29 have what is left.
  expect(results.map(({ ok }) => ok)).toEqual(Array.from({ length: 40 }, (_, place) => place < 29));
  expect(sizes()).toEqual([1, 40]);
  expect(await counts(code)).toMatchObject({ timesUsed: 30, uses: 30 });
});

it('callers of many codes are shared out to the lanes, callers of one code go together', async () => {
  const repository = await readyRepository();
  const codes = await Promise.all(Array.from({ length: 40 }, () => newCode({ perCustomerLimit: null })));
  const often = async (code: PromoCode) => {
    for (let time = 0; time < 8; time += 1) await repository.redeem(request(code));
  };
  await Promise.all(codes.map(often));
  // Whose lane comes first does not leave the other what trickles in.
  expect(Math.max(...sizes())).toBeLessThanOrEqual(20);
  expect(events.length).toBeLessThan(80);

  events = [];
  await Promise.all(Array.from({ length: 40 }, () => often(codes[0]!)));
  expect(Math.max(...sizes())).toBeGreaterThanOrEqual(39);
});

it('without batching every call is a statement of its own', async () => {
  const repository = await readyRepository({ batching: false });
  const code = await newCode({ totalUsageLimit: 5 });
  const results = await Promise.all(Array.from({ length: 20 }, () => repository.redeem(request(code))));
  expect(results.filter(({ ok }) => ok)).toHaveLength(5);
  expect(sizes()).toEqual([]);
});

it('no batch is larger than maxBatch, no queue longer than maxQueue, and a full queue loses nothing', async () => {
  const repository = await readyRepository({ batching: { maxBatch: 4, maxQueue: 10, lanes: 1 } });
  const code = await newCode();
  const lock = await holdLock(code);
  const inFlight = repository.redeem(request(code));
  await waitingRedemption(t);
  const waiting = Array.from({ length: 10 }, () => repository.redeem(request(code)));
  const refused = await repository.redeem(request(code)).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(QueueFullError);
  expect(refused).toMatchObject({ code: 'QUEUE_FULL', message: expect.stringContaining('batching.maxQueue') });
  await lock.release();
  for (const result of await Promise.all([inFlight, ...waiting])) expect(result).toMatchObject({ ok: true });
  expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
  expect(sizes()).toEqual([1, 4, 4, 2, 1]);
  expect(await counts(code)).toMatchObject({ timesUsed: 12, uses: 12 });
});

it('a code that somebody holds does not hold up the others', async () => {
  const repository = await readyRepository({ batching: { lanes: 2 }, lockTimeoutMs: 8_000 });
  const [held, free, busy] = [await newCode(), await newCode(), await newCode()];
  const lock = await holdLock(held);
  const starters = await Promise.all([holdLock(busy)]);
  const first = repository.redeem(request(busy));
  await waitingRedemption(t);
  // With one lane taken and the other free, one of these goes first and the rest are one batch of two codes.
  const ofHeld = Array.from({ length: 5 }, () => repository.redeem(request(held)));
  const ofFree = Array.from({ length: 5 }, () => repository.redeem(request(free)));
  await starters[0]!.release();
  expect(await first).toMatchObject({ ok: true });
  for (const result of await Promise.all(ofFree)) expect(result).toMatchObject({ ok: true });
  expect(await counts(held)).toMatchObject({ timesUsed: 0 });
  await lock.release();
  for (const result of await Promise.all(ofHeld)) expect(result).toMatchObject({ ok: true });
  expect(await counts(held)).toMatchObject({ timesUsed: 5, uses: 5 });
});

it('a code whose lock is not granted in time fails its own callers only', async () => {
  const repository = await readyRepository({ batching: { lanes: 1 }, lockTimeoutMs: 2_000 });
  const [held, free, busy] = [await newCode(), await newCode(), await newCode()];
  const lock = await holdLock(held);
  const start = await holdLock(busy);
  const first = repository.redeem(request(busy));
  await waitingRedemption(t);
  const ofHeld = Array.from({ length: 3 }, () => repository.redeem(request(held)).catch((error: unknown) => error));
  const ofFree = Array.from({ length: 3 }, () => repository.redeem(request(free)));
  await start.release();
  await first;
  for (const result of await Promise.all(ofFree)) expect(result).toMatchObject({ ok: true });
  for (const error of await Promise.all(ofHeld)) expect(error).toBeInstanceOf(LockTimeoutError);
  await lock.release();
  expect(await repository.redeem(request(held))).toMatchObject({ ok: true });
  expect(await counts(held)).toMatchObject({ timesUsed: 1, uses: 1 });
});

describe('a failure inside a batch', () => {
  /** Sends the requests as one batch, behind one that is under way. */
  async function together(repository: PromoCodeRepository, code: PromoCode, requests: RedeemInput[]) {
    const lock = await holdLock(code);
    const first = repository.redeem(request(code));
    const pid = await waitingRedemption(t);
    const outcomes = requests.map((input) => repository.redeem(input).catch((error: unknown) => error));
    return { pid, lock, first, outcomes };
  }

  it('of one row is that of one caller', async () => {
    const repository = await readyRepository();
    const code = await newCode();
    await t.sql(
      `ALTER TABLE :"schema".promo_code_uses ADD CONSTRAINT not_mallory CHECK (customer_address !~ '^mallory')`,
    );
    const customers = Array.from({ length: 30 }, (_, place) => (place % 13 === 5 ? `mallory-${place}` : `c-${place}`));
    const { lock, outcomes } = await together(
      repository,
      code,
      customers.map((customerAddress) => request(code, { customerAddress })),
    );
    await lock.release();
    const settled = await Promise.all(outcomes);
    await t.sql('ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT not_mallory');
    settled.forEach((outcome, place) => {
      if (customers[place]!.startsWith('mallory')) expect(outcome).toBeInstanceOf(PromoCodesError);
      else expect(outcome).toMatchObject({ ok: true, use: { customerAddress: customers[place] } });
    });
    expect(events[1]).toMatchObject({ size: 30, error: expect.anything() });
    expect(await counts(code)).toMatchObject({ timesUsed: 28 + 1, uses: 28 + 1 });
  });

  it('of its backend is nobody’s: every caller has one use', async () => {
    const repository = await readyRepository();
    const code = await newCode();
    const blocked = await newCode();
    const lock = await holdLock(blocked);
    const first = repository.redeem(request(blocked));
    const pid = await waitingRedemption(t);
    const outcomes = Array.from({ length: 20 }, (_, place) =>
      repository.redeem(request(place % 2 ? blocked : code)).catch((error: unknown) => error),
    );
    await t.sql('SELECT pg_terminate_backend($1)', [pid]);
    await lock.release();
    for (const outcome of [await first, ...(await Promise.all(outcomes))]) expect(outcome).toMatchObject({ ok: true });
    expect(await counts(code)).toMatchObject({ timesUsed: 10, uses: 10 });
    expect(await counts(blocked)).toMatchObject({ timesUsed: 11, uses: 11 });
  });

  it('of an idempotency key is that of one caller', async () => {
    const repository = await readyRepository();
    const code = await newCode({ perCustomerLimit: null });
    const asked = request(code, { idempotencyKey: 'one' });
    const { lock, outcomes } = await together(repository, code, [
      asked,
      asked,
      { ...asked, baseReward: '11' },
      request(code),
    ]);
    await lock.release();
    const [made, again, conflict, other] = await Promise.all(outcomes);
    expect(made).toMatchObject({ ok: true, replayed: false });
    expect(again).toMatchObject({ ok: true, replayed: true, use: (made as { use: object }).use });
    expect(conflict).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(other).toMatchObject({ ok: true, replayed: false });
  });
});

/** What does not depend on ids and times. */
function gist(result: RedeemResult | { code: string }) {
  if (!('ok' in result)) return { error: result.code };
  if (!result.ok) return { reason: result.reason };
  const { customerAddress, baseReward, bonusAmount, totalReward, transactionId } = result.use;
  const held = result.expiresAt !== undefined;
  return { customerAddress, baseReward, bonusAmount, totalReward, transactionId, replayed: result.replayed, held };
}

it('batches answer as if the calls had come one after another', async () => {
  const oneByOne = await readyRepository({ batching: false });
  const batched = await readyRepository({ batching: { lanes: 3, maxBatch: 20 } });
  const call = fc.record({
    code: fc.nat({ max: 3 }),
    customer: fc.constantFrom('ann', ' Ann', 'bob', 'BOB ', 'cho'),
    baseReward: fc.constantFrom('10', '33.33', '0.01'),
    key: fc.option(fc.nat({ max: 3 }), { freq: 2 }),
    ttlSeconds: fc.option(fc.constant(60), { freq: 3 }),
  });
  const limit = fc.option(fc.integer({ min: 1, max: 6 }));
  const codes = fc.array(fc.record({ total: limit, customer: limit, active: fc.nat({ max: 5 }) }), {
    minLength: 3,
    maxLength: 3,
  });
  let world = 0;
  await fc.assert(
    fc.asyncProperty(codes, fc.array(call, { minLength: 2, maxLength: 40 }), async (limits, calls) => {
      world += 1;
      const make = async (shopId: string, repository: PromoCodeRepository, inTurn: boolean) => {
        await Promise.all(
          limits.map(({ total, customer, active }, place) =>
            newCode({
              code: `P${place}`,
              shopId,
              totalUsageLimit: total,
              perCustomerLimit: customer,
              isActive: active > 0,
              ...(place === 1 && { bonusType: 'percentage', bonusValue: '15.15', maxBonus: '4.00' }),
            }),
          ),
        );
        const send = ({ code, customer, baseReward, key, ttlSeconds }: (typeof calls)[number]) => {
          const input = {
            code: `p${code}`,
            shopId,
            customerAddress: customer,
            baseReward,
            ...(key !== null && { idempotencyKey: `key-${key}` }),
          };
          const sent = ttlSeconds ? repository.reserve({ ...input, ttlSeconds }) : repository.redeem(input);
          return sent.then(gist, gist);
        };
        if (!inTurn) return Promise.all(calls.map(send));
        const results = [];
        for (const each of calls) results.push(await send(each));
        return results;
      };
      const expected = await make(`shop-${world}-a`, oneByOne, true);
      expect(await make(`shop-${world}-b`, batched, false)).toEqual(expected);
      const { rows } = await t.sql(
        `SELECT code, array_agg(times_used || '/' || total_bonus_issued) AS counted FROM :"schema".promo_codes
          WHERE shop_id LIKE $1 GROUP BY code HAVING count(DISTINCT times_used || '/' || total_bonus_issued) > 1`,
        [`shop-${world}-%`],
      );
      expect(rows).toEqual([]);
    }),
    { numRuns: isWhole ? 40 : 15 },
  );
  expect(Math.max(...sizes())).toBeGreaterThan(3);
}, 60_000);

it('with prepare, statements have names, and each is prepared once on a connection', async () => {
  const pool = t.poolWith({ max: 1 });
  const repository = await readyRepository({ prepare: true }, pool);
  const code = await newCode();
  for (let time = 0; time < 3; time += 1) await repository.redeem(request(code));
  await Promise.all(Array.from({ length: 10 }, () => repository.redeem(request(code))));
  const { rows } = await pool.query(
    `SELECT count(*)::int AS named FROM pg_prepared_statements WHERE statement LIKE '%redeem_promo_code%'`,
  );
  expect(rows).toEqual([{ named: 2 }]);
  expect(await counts(code)).toMatchObject({ timesUsed: 13, uses: 13 });
});

it('redeemMany takes 10,000 of one code in one statement, limits and all', async () => {
  const code = await newCode({ totalUsageLimit: 9_000 });
  const results = await t.repository.redeemMany(
    Array.from({ length: 10_000 }, (_, place) => request(code, { customerAddress: `bulk-${place % 9_500}` })),
  );
  const reasons = results.map((result) => (result.ok ? 'ok' : result.reason));
  expect(reasons.slice(0, 9_000).every((reason) => reason === 'ok')).toBe(true);
  expect(new Set(reasons.slice(9_000))).toEqual(new Set(['usage_limit_reached']));
  expect(await counts(code)).toMatchObject({ timesUsed: 9_000, uses: 9_000 });
}, 60_000);
