import { AsyncResource } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { checkDrift, LockTimeoutError, type PromoCode, PromoCodeRepository, PromoCodesError } from '../../src/index';
import { RedemptionQueue } from '../../src/redemption/queue';
import type { Attempted, Settled } from '../../src/redemption/redeem';
import { useRepository, waitingRedemption } from '../support/repository';

describe('the order of statements', () => {
  const LIMITS = { maxBatch: 500, maxQueue: 10_000, lanes: 1, deadlineMs: 10_000 };

  /** A queue whose statements the test ends, one by one. */
  function queueByHand(lanes = 1) {
    const statements: { of: string[]; end(error?: unknown): Promise<void> }[] = [];
    const campaigns: { now: string | null } = { now: '7' };
    const queue = new RedemptionQueue(
      { schema: 'schema' },
      { ...LIMITS, lanes },
      { home: new AsyncResource('test') },
      (requests: Attempted[]) => {
        return new Promise<Settled[]>((resolve, reject) => {
          const of = requests.map(({ request }) => request.customerAddress);
          statements.push({
            of,
            async end(error) {
              if (error) reject(error);
              else resolve(of.map((message) => ({ ok: false, reason: 'expired', message })));
              // As the server answers: codes that begin with C are in a campaign.
              for (const entry of requests) entry.campaign = entry.request.code.startsWith('C') ? campaigns.now : null;
              for (let turn = 0; turn < 5; turn += 1) await setImmediate();
            },
          });
        });
      },
    );
    const done: string[] = [];
    const redeem = async (code: string, customerAddress: string, idempotencyKey?: string) => {
      await queue.add({ code, shopId: 'shop', customerAddress, baseReward: '1', idempotencyKey });
      done.push(customerAddress);
    };
    return { queue, statements, done, redeem, campaigns };
  }

  it('the queue is idle when every caller has an answer', async () => {
    const { queue, statements, redeem } = queueByHand();
    await queue.idle();
    const calls = Promise.allSettled([redeem('A', 'a'), redeem('A', 'b'), redeem('B', 'c')]);
    let isIdle = false;
    const idle = queue.idle().then(() => {
      isIdle = true;
    });
    await statements[0]!.end();
    expect(isIdle).toBe(false);
    await statements[1]!.end(new PromoCodesError('OUTCOME_UNKNOWN', 'gone'));
    await calls;
    await idle;
    expect(isIdle).toBe(true);
    await queue.idle();
  });

  it('codes that were answered as of one campaign go together, and none of them while others are under way', async () => {
    const { statements, redeem, campaigns } = queueByHand(2);
    const all = [redeem('C1', '1'), redeem('C2', '2'), redeem('D', 'd')];
    await statements[0]!.end();
    await statements[1]!.end();
    await statements[2]!.end();
    await Promise.all(all);
    const later = ['C1', 'C2', 'D', 'C2', 'E'].map((code, place) => redeem(code, `${code}-${place}`));
    expect(statements.slice(3).map(({ of }) => of)).toEqual([['C1-0'], ['D-2']]);
    campaigns.now = null;
    await statements[4]!.end();
    expect(statements[5]!.of).toEqual(['E-4']);
    await statements[3]!.end();
    expect(statements[6]!.of).toEqual(['C2-1', 'C2-3']);
    for (const place of [5, 6]) await statements[place]!.end();
    await Promise.all(later);
    // They were answered as of none, and so they share lanes as other codes do.
    const last = ['C1', 'C2'].map((code) => redeem(code, code));
    expect(statements.slice(7).map(({ of }) => of)).toEqual([['C1'], ['C2']]);
    for (const place of [7, 8]) await statements[place]!.end();
    await Promise.all(last);
  });

  it('who waits for a key under another code goes when that has its answer', async () => {
    const { statements, redeem } = queueByHand();
    const first = redeem('A', 'first');
    const many = Array.from({ length: 40 }, (_, place) => redeem('A', `a${place}`, place === 39 ? 'key' : undefined));
    const other = redeem('B', 'other', 'key');
    await statements[0]!.end();
    await statements[1]!.end();
    await Promise.all([first, ...many]);
    expect(statements[2]!.of).toEqual(['other']);
    await statements[2]!.end();
    await other;
  });

  it('who came later does not overtake those who wait for a lock once more', async () => {
    const { statements, done, redeem } = queueByHand();
    const all = [redeem('Z', 'z')];
    for (const place of [0, 1, 2, 3]) for (const code of ['A', 'B']) all.push(redeem(code, `${code}${place}`));
    await statements[0]!.end();
    await statements[1]!.end(new PromoCodesError('DATABASE_ERROR', 'a bad row'));
    await statements[2]!.end(new LockTimeoutError('held'));
    for (let next = 3; done.length < all.length; next += 1) await statements[next]!.end();
    await Promise.all(all);
    expect(done.filter((name) => name.startsWith('A'))).toEqual(['A0', 'A1', 'A2', 'A3']);
    expect(done.filter((name) => name.startsWith('B'))).toEqual(['B0', 'B1', 'B2', 'B3']);
  });

  it('codes that were sent one at a time once go together later', async () => {
    const { statements, redeem } = queueByHand();
    const all = [redeem('Z', 'z'), redeem('A', 'a'), redeem('B', 'b')];
    await statements[0]!.end();
    await statements[1]!.end(new LockTimeoutError('held'));
    expect(statements[2]!.of).toEqual(['a']);
    await statements[2]!.end();
    all.push(redeem('A', 'a again'), redeem('B', 'b again'));
    await statements[3]!.end();
    all.push(redeem('A', 'a once more'), redeem('B', 'b once more'));
    for (let next = 4; next < statements.length; next += 1) await statements[next]!.end();
    await Promise.all(all);
    expect(Math.max(...statements.slice(4).map(({ of }) => of.length))).toBeGreaterThan(1);
  });
});

const t = useRepository('queue');
const { newCode, request, schema } = t;
afterEach(async () => expect(await checkDrift(t.pool, { schema })).toEqual([]));

const outcomeOf = (result: unknown) => {
  const { ok, replayed, reason, code } = result as Record<string, unknown>;
  return ok ? `ok${replayed ? ', replayed' : ''}` : (reason ?? code);
};

async function holdLock(code: PromoCode): Promise<{ release(): Promise<unknown> }> {
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  return { release: () => holder.query('COMMIT') };
}

/** The outcomes of calls that go as one batch, behind one of the same code. */
async function together(code: PromoCode, calls: (() => Promise<unknown>)[], repository: PromoCodeRepository) {
  const lock = await holdLock(code);
  const first = repository.redeem(request(code));
  await waitingRedemption(t);
  const others = calls.map((call) => call().catch((error: unknown) => error));
  await lock.release();
  await first;
  return (await Promise.all(others)).map(outcomeOf);
}

async function readyRepository(options = {}): Promise<PromoCodeRepository> {
  const repository = new PromoCodeRepository(t.pool, { schema, ...options });
  await repository.redeem(request(await newCode()));
  return repository;
}

it('codes that others hold, as many as there are lanes, do not stop a free one', async () => {
  const repository = await readyRepository({ lockTimeoutMs: 20_000 });
  const held = [await newCode(), await newCode()];
  const free = await newCode();
  const locks = await Promise.all(held.map(holdLock));
  const blocked = held.map((code) => repository.redeem(request(code)));
  expect(outcomeOf(await repository.redeem(request(free)))).toBe('ok');
  for (const lock of locks) await lock.release();
  expect((await Promise.all(blocked)).map(outcomeOf)).toEqual(['ok', 'ok']);
});

it('a key that a transaction of the host has taken keeps its own caller waiting only', async () => {
  const repository = await readyRepository({ lockTimeoutMs: 700 });
  const [one, other] = [await newCode(), await newCode()];
  const client = await t.client();
  await client.query('BEGIN');
  await repository.redeem(request(other, { idempotencyKey: 'taken' }), { client });
  const requests = [request(one), request(one, { idempotencyKey: 'taken' }), request(one)];
  const calls = requests.map((input) => () => repository.redeem(input));
  expect(await together(one, calls, repository)).toEqual(['ok', 'LOCK_TIMEOUT', 'ok']);
  await client.query('COMMIT');
});

it('a row that a trigger of the host refuses with 42501 fails its own caller only', async () => {
  const repository = await readyRepository();
  const code = await newCode();
  await t.sql(`CREATE FUNCTION :"schema".no_mallory() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF NEW.customer_address = 'mallory' THEN
                   RAISE EXCEPTION 'banned' USING ERRCODE = 'insufficient_privilege';
                 END IF;
                 RETURN NEW;
               END $$;
               CREATE TRIGGER no_mallory BEFORE INSERT ON :"schema".promo_code_uses
                 FOR EACH ROW EXECUTE FUNCTION :"schema".no_mallory()`);
  const requests = [request(code), request(code, { customerAddress: 'mallory' }), request(code)];
  const outcomes = await together(
    code,
    requests.map((input) => () => repository.redeem(input)),
    repository,
  );
  await t.sql('DROP TRIGGER no_mallory ON :"schema".promo_code_uses');
  expect(outcomes).toEqual(['ok', 'INSUFFICIENT_PRIVILEGE', 'ok']);
});

it('a hold that is replayed and then replaced within one batch was replayed', async () => {
  const repository = await readyRepository();
  const code = await newCode({ perCustomerLimit: 1 });
  const hold = { ...request(code, { customerAddress: 'ann', idempotencyKey: 'hold' }), ttlSeconds: 60 };
  const plain = request(code, { customerAddress: 'ann' });
  const calls = [() => repository.reserve(hold), () => repository.reserve(hold), () => repository.redeem(plain)];
  expect(await together(code, calls, repository)).toEqual(['ok', 'ok, replayed', 'ok']);
});

it('names with a line break are told apart', async () => {
  const one = await newCode({ shopId: 'a', code: 'B\nC' });
  const two = await newCode({ shopId: 'a\nB', code: 'C' });
  const results = await t.repository.redeemMany([request(one), request(two)]);
  expect(results.map((result) => result.ok && result.use.promoCodeId)).toEqual([one.id, two.id]);
});
