import { afterEach, describe, expect, it } from 'vitest';
import {
  checkDrift,
  OutcomeUnknownError,
  type PromoCode,
  PromoCodeRepository,
  type RepositoryOptions,
} from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository, waitingRedemption } from '../support/repository';

const t = useRepository('doubt');
const { newCode, request, counts, schema } = t;
afterEach(async () => expect(await checkDrift(t.pool, { schema })).toEqual([]));

const reset = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });

interface Sent {
  /** Of the batch, not of the one before it. */
  batch: boolean;
  callIds: string[];
  customers: string[];
}

/** A pool that says of each redemption of a batch what becomes of it: lost before or after the server has run it, or neither. */
function faulty(fate: (sent: Sent, number: number) => 'never sent' | 'answer lost' | 'fine', after = async () => {}) {
  const sent: Sent[] = [];
  const pool = intercepted(t.pool, async (text, values, send) => {
    if (!text.includes('.redeem_promo_code')) return send(text, values);
    const batch = text.includes('.redeem_promo_codes');
    const callIds = String(values![batch ? 13 : 8])
      .replace(/[{}]/g, '')
      .split(',');
    const each: Sent = { batch, callIds, customers: [values![batch ? 3 : 2]].flat() as string[] };
    if (each.customers.includes('before')) return send(text, values);
    const number = sent.push(each);
    const outcome = fate(each, number);
    if (outcome === 'never sent') throw reset();
    const answer = await send(text, values);
    if (outcome === 'fine') return answer;
    await after();
    throw reset();
  });
  return { pool, sent };
}

async function holdLock(code: PromoCode): Promise<{ release(): Promise<unknown> }> {
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  return { release: () => holder.query('COMMIT') };
}

/** Calls that go as one batch, behind one of the code `busy`. */
async function together(pool: ReturnType<typeof faulty>['pool'], codes: PromoCode[], options: RepositoryOptions = {}) {
  const repository = new PromoCodeRepository(pool, { schema, batching: { lanes: 1 }, ...options });
  const busy = await newCode({ perCustomerLimit: null });
  await repository.redeem(request(busy, { customerAddress: 'before' }));
  const lock = await holdLock(busy);
  const first = repository.redeem(request(busy, { customerAddress: 'before' }));
  await waitingRedemption(t);
  const outcomes = codes.map((code, place) =>
    repository.redeem(request(code, { customerAddress: `c${place}` })).catch((error: unknown) => error),
  );
  await lock.release();
  await first;
  return outcomes;
}

describe('a batch under which connections break', () => {
  it('once, after it was recorded: a plain look answers all, with no further call of a function', async () => {
    const { pool, sent } = faulty((_, number) => (number === 1 ? 'answer lost' : 'fine'));
    const [one, two] = [await newCode(), await newCode()];
    const outcomes = await Promise.all(await together(pool, [one, two, one, two, one]));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ ok: true, replayed: false });
    expect(sent.map(({ customers }) => customers.length)).toEqual([5]);
    expect(await counts(one)).toMatchObject({ timesUsed: 3, uses: 3 });
  });

  it('once, after it was recorded, and was rolled back meanwhile: what is not found is decided under the locks', async () => {
    const code = await newCode();
    const after = async () => {
      const { items } = await t.repository.usesByCode(code.id);
      await t.repository.rollbackUse(items.find(({ customerAddress }) => customerAddress === 'c1')!.id);
    };
    const { pool, sent } = faulty((_, number) => (number === 1 ? 'answer lost' : 'fine'), after);
    const outcomes = await Promise.all(await together(pool, [code, code, code]));
    // The mark of the rollback tells that it was recorded.
    expect(outcomes).toMatchObject([{ ok: true }, { ok: false, reason: 'rolled_back' }, { ok: true }]);
    expect(sent.map(({ customers }) => customers)).toEqual([['c0', 'c1', 'c2'], ['c1']]);
    expect(await counts(code)).toMatchObject({ timesUsed: 2, uses: 2 });
  });

  it('twice: it is shared out to several connections, which wait for its first attempt and not for each other', async () => {
    const { pool, sent } = faulty((_, number) => (number <= 2 ? 'never sent' : 'fine'));
    const code = await newCode({ totalUsageLimit: 20 });
    const outcomes = await Promise.all(await together(pool, Array(24).fill(code)));
    expect(outcomes.filter((outcome) => (outcome as { ok: boolean }).ok)).toHaveLength(20);
    const [first, second, ...parts] = sent;
    expect(second!.callIds).toEqual(first!.callIds);
    expect(parts.length).toBe(4);
    expect(parts.flatMap(({ customers }) => customers).sort()).toEqual([...first!.customers].sort());
    for (const { callIds } of parts) expect(callIds.slice(0, -1)).toEqual(first!.callIds);
    expect(new Set(parts.map(({ callIds }) => callIds.at(-1))).size).toBe(4);
    expect(await counts(code)).toMatchObject({ timesUsed: 20, uses: 20 });
  });

  it('on and on: parts are shared out further, down to single callers, each with one use', async () => {
    const { pool, sent } = faulty(({ customers }) => (customers.length > 1 ? 'never sent' : 'fine'));
    const code = await newCode();
    const outcomes = await Promise.all(await together(pool, Array(9).fill(code)));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ ok: true, replayed: false });
    expect(Math.max(...sent.map(({ callIds }) => callIds.length))).toBeGreaterThan(2);
    expect(await counts(code)).toMatchObject({ timesUsed: 9, uses: 9 });
  });

  it('while it waits for its lock in the server: its parts wait until it has ended, and find its uses', async () => {
    let cut = () => {};
    const cutNow = new Promise<void>((resolve) => {
      cut = resolve;
    });
    const { pool, sent } = faulty((_, number) => (number === 2 ? 'never sent' : 'fine'));
    const losing = {
      ...pool,
      connect: async () => {
        const connection = await pool.connect();
        let pending: Promise<unknown> = Promise.resolve();
        return {
          ...connection,
          query: (text: string, values?: unknown[]) => {
            const answer = connection.query(text, values);
            const isFirst = text.includes('.redeem_promo_codes') && sent.length === 1;
            if (!isFirst) return answer;
            pending = answer.catch(() => {});
            return Promise.race([answer, cutNow.then(() => Promise.reject(reset()))]);
          },
          // The server goes on with what it has.
          release: (broken?: boolean | Error) => void pending.then(() => connection.release(broken)),
        };
      },
    };
    const code = await newCode();
    const lock = await holdLock(code);
    const outcomes = await together(losing as typeof pool, Array(6).fill(code), { lockTimeoutMs: 4_000 });
    await waitingRedemption(t);
    cut();
    await expect.poll(() => sent.length, { timeout: 5_000 }).toBeGreaterThan(4);
    await lock.release();
    for (const outcome of await Promise.all(outcomes)) expect(outcome).toMatchObject({ ok: true });
    expect(await counts(code)).toMatchObject({ timesUsed: 6, uses: 6 });
  });

  it('and one of whose codes is held: the callers of the others are answered while it is', async () => {
    const { pool } = faulty((_, number) => (number === 1 ? 'never sent' : 'fine'));
    const [held, free, other] = [await newCode(), await newCode(), await newCode()];
    const lock = await holdLock(held);
    const codes = [free, held, other, held, free];
    const options = { lockTimeoutMs: 8_000, attemptTimeoutMs: 10_000, deadlineMs: 20_000 };
    const outcomes = await together(pool, codes, options);
    for (const place of [0, 2, 4]) expect(await outcomes[place]).toMatchObject({ ok: true });
    expect(await counts(held)).toMatchObject({ timesUsed: 0 });
    await lock.release();
    for (const place of [1, 3]) expect(await outcomes[place]).toMatchObject({ ok: true, replayed: false });
    expect(await counts(held)).toMatchObject({ timesUsed: 2, uses: 2 });
  });

  it('and one of whose codes is held for good: the callers of the others are not in doubt for that', async () => {
    const { pool } = faulty((_, number) => (number === 1 ? 'never sent' : 'fine'));
    const [held, free, other] = [await newCode(), await newCode(), await newCode()];
    const lock = await holdLock(held);
    const codes = [free, held, other, held, free];
    const options = { lockTimeoutMs: 900, deadlineMs: 3_000, attemptTimeoutMs: 2_000 };
    const outcomes = await Promise.all(await together(pool, codes, options));
    await lock.release();
    codes.forEach((code, place) => {
      if (code === held) expect(outcomes[place]).toBeInstanceOf(OutcomeUnknownError);
      else expect(outcomes[place]).toMatchObject({ ok: true });
    });
    // Of the held one nothing is known, not even that its last attempt has ended.
    expect(await counts(free)).toMatchObject({ timesUsed: 2, uses: 2 });
  });
});

it('a batch of which a part was recorded has no definite error, when the rest cannot get other ids', async () => {
  const [open, closed] = [await newCode(), await newCode({ isActive: false })];
  let sent = 0;
  const pool = intercepted(t.pool, async (text, values, send) => {
    if (sent > 2 && text.includes('reserve_promo_code_use_ids')) {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' });
    }
    if (!text.includes('.redeem_promo_codes')) return send(text, values);
    sent += 1;
    if (sent === 1) throw reset();
    const answer = await send(text, values);
    if (sent > 2) return answer;
    // The refusal has left its mark, and its id cannot be used any more.
    await t.repository.activate(closed.id);
    throw reset();
  });
  const repository = new PromoCodeRepository(pool, { schema, deadlineMs: 2_000 });
  await expect(repository.redeemMany([request(open), request(closed)])).rejects.toMatchObject({
    code: 'OUTCOME_UNKNOWN',
    message: expect.stringMatching(/^1 redemptions of the batch/),
  });
  expect(await counts(open)).toMatchObject({ timesUsed: 1, uses: 1 });
  expect(await counts(closed)).toMatchObject({ timesUsed: 0, uses: 0 });
});

it('a use of another customer that has got the id meanwhile is not taken for the own one', async () => {
  const code = await newCode();
  let useId = '';
  const pool = intercepted(t.pool, async (text, values, send) => {
    if (!text.includes('.redeem_promo_code') || useId !== '') return send(text, values);
    useId = String(values!.at(-3));
    // As after a crash: the sequence has given the number to another process, whose use was stored.
    await t.sql(
      `INSERT INTO :"schema".promo_code_uses (id, promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
       OVERRIDING SYSTEM VALUE VALUES ($1, $2, 'somebody else', 'shop', 10, 5, 15)`,
      [useId, code.id],
    );
    throw reset();
  });
  const outcome = await new PromoCodeRepository(pool, { schema })
    .redeem(request(code))
    .catch((error: unknown) => error);
  expect(Number(useId)).toBeGreaterThan(0);
  expect(outcome).toBeInstanceOf(OutcomeUnknownError);
  expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
});
