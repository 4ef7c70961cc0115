import { AsyncResource } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LockTimeoutError, OutcomeUnknownError, PromoCodesError } from '../../src/index';
import { RedemptionQueue } from '../../src/redemption/queue';
import type { Attempted, Settled } from '../../src/redemption/redeem';

const LIMITS = { maxBatch: 8, maxQueue: 10_000, lanes: 2, deadlineMs: 10_000 };
const home = new AsyncResource('test');

/** An error as node-postgres and the library give it. */
function serverError(sqlState: string, fields: object = {}): PromoCodesError {
  const cause = Object.assign(new Error('the card of ann@x is stolen'), { code: sqlState, ...fields });
  return new PromoCodesError('DATABASE_ERROR', cause.message, { sqlState, cause });
}

const raised = (sqlState: string) => serverError(sqlState, { routine: 'exec_stmt_raise' });
const answered = (requests: Attempted[]): Settled[] =>
  requests.map(({ request }) => ({ ok: false, reason: 'expired', message: request.customerAddress }));

type Send = (customers: string[], requests: Attempted[]) => Settled[] | Promise<Settled[]>;

/** Callers of one code that go together, behind one that is under way. */
async function together(customers: string[], send: Send, limits = LIMITS) {
  const sent: string[][] = [];
  const queue = new RedemptionQueue({ schema: 'schema' }, limits, { home }, async (requests) => {
    const of = requests.map(({ request }) => request.customerAddress);
    await setImmediate();
    if (of[0] === 'first') return answered(requests);
    sent.push(of);
    return send(of, requests);
  });
  const redeem = (customerAddress: string) =>
    queue.add({ code: 'A', shopId: 's', customerAddress, baseReward: '1' }).then(
      (result) => (result.ok ? 'ok' : result.message),
      (error: PromoCodesError) => error,
    );
  const first = redeem('first');
  const outcomes = await Promise.all(customers.map(redeem));
  await first;
  await queue.idle();
  expect(queue.isIdle).toBe(true);
  return { sent, outcomes };
}

const numbered = (count: number) => Array.from({ length: count }, (_, place) => `c${place}`);

describe('an error of a statement of several callers', () => {
  it.each([
    ['XX000, raised', raised('XX000')],
    ['57014, raised', raised('57014')],
    ['53100, raised', raised('53100')],
    ['42P01, raised', raised('42P01')],
    ['a check', serverError('23514')],
    ['XX000', serverError('XX000')],
    ['42P01', new PromoCodesError('NOT_INSTALLED', 'gone', { sqlState: '42P01', cause: serverError('42P01').cause })],
    ['57014', serverError('57014')],
    [
      'a check, in doubt',
      new OutcomeUnknownError('who knows', { sqlState: '23514', cause: serverError('23514').cause }),
    ],
  ])('of one of them (%s) is his alone', async (_, error) => {
    const customers = numbered(60);
    const limits = { ...LIMITS, maxBatch: 100 };
    const { sent, outcomes } = await together(
      customers,
      (of, requests) => {
        if (of.includes('c37')) throw error;
        return answered(requests);
      },
      limits,
    );
    expect(outcomes).toEqual(customers.map((name) => (name === 'c37' ? error : name)));
    expect(sent.length).toBeLessThanOrEqual(13);
  });

  it('of several of them is theirs', async () => {
    const bad = ['c3', 'c4', 'c40', 'c41', 'c42', 'c59'];
    const customers = numbered(60);
    const { outcomes } = await together(
      customers,
      (of, requests) => {
        if (of.some((name) => bad.includes(name))) throw raised('XX000');
        return answered(requests);
      },
      { ...LIMITS, maxBatch: 100 },
    );
    expect(outcomes.map((outcome) => typeof outcome === 'string')).toEqual(
      customers.map((name) => !bad.includes(name)),
    );
  });

  it.each([
    ['disk full', serverError('53100'), 12],
    ['out of memory', serverError('53200'), 12],
    ['shut down', serverError('57P01'), 1],
    ['read-only', serverError('25006'), 1],
    ['not reached', new PromoCodesError('CONNECTION_FAILED', 'nobody there'), 1],
    ['lost', new PromoCodesError('CONNECTION_LOST', 'broke'), 1],
    ['out of time', new PromoCodesError('TIMEOUT', 'too late'), 1],
    ['unknown', new OutcomeUnknownError('who knows'), 1],
  ])('of all of them (%s) is asked for a few times, not by each', async (_, error, most) => {
    const { sent, outcomes } = await together(
      numbered(500),
      () => {
        throw error;
      },
      { ...LIMITS, maxBatch: 1_000 },
    );
    expect(sent.length).toBeLessThanOrEqual(most);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ code: error.code });
  });

  it('shows nobody what may have come from another', async () => {
    const customers = numbered(20);
    const { sent, outcomes } = await together(
      customers,
      () => {
        throw serverError('XX000');
      },
      { ...LIMITS, maxBatch: 100 },
    );
    const wereAlone = sent.filter((of) => of.length === 1).flat();
    expect(wereAlone.length).toBeLessThan(4);
    outcomes.forEach((outcome, place) => {
      if (wereAlone.includes(customers[place]!)) return;
      const { message, cause, sqlState } = outcome as PromoCodesError;
      expect({ cause, sqlState }).toEqual({ cause: undefined, sqlState: 'XX000' });
      expect(message).not.toContain('ann@x');
    });
  });
});

it('a code that is handed back without an answer goes by itself, and nobody waits for it', async () => {
  const sent: string[] = [];
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const queue = new RedemptionQueue({ schema: 'schema' }, { ...LIMITS, lanes: 1 }, { home }, async (requests) => {
    const codes = requests.map(({ request }) => request.code);
    sent.push(codes.join(' '));
    await setImmediate();
    if (sent.length === 2)
      return requests.map((entry, place) => (codes[place] === 'B' ? undefined : answered([entry])[0]));
    if (codes[0] === 'B') await gate;
    return answered(requests);
  });
  const redeem = (code: string) => queue.add({ code, shopId: 's', customerAddress: code, baseReward: '1' });
  const first = redeem('first');
  const [a, b, other] = [redeem('A'), redeem('B'), redeem('A')];
  await Promise.all([first, a, other]);
  await Promise.all([redeem('A'), redeem('C')]);
  open();
  expect(await b).toMatchObject({ message: 'B' });
  await queue.idle();
  expect(queue.isIdle).toBe(true);
  expect(sent[1]).toBe('A B A');
  expect(sent.filter((codes) => codes.includes('B')).slice(1)).toEqual(['B']);
});

it('whatever becomes of statements, every caller gets an answer, and nothing is left of anybody', async () => {
  const errors = [
    () => new LockTimeoutError('held'),
    () => new LockTimeoutError('held', { cause: { where: 'relation "promo_code_idempotency_keys"', code: '55P03' } }),
    () => new OutcomeUnknownError('who knows'),
    () => raised('XX000'),
    () => serverError('53100'),
    () => serverError('23514'),
    () => new Error('of nobody'),
    () => undefined,
  ];
  const call = fc.record({
    code: fc.constantFrom('A', ' a', 'B', 'C', 'D'),
    key: fc.option(fc.constantFrom('k', 'l'), { freq: 3 }),
    partition: fc.constantFrom('p', 'q', 'r'),
    turns: fc.nat({ max: 3 }),
  });
  const outcome = fc.record({
    turns: fc.nat({ max: 2 }),
    error: fc.option(fc.nat({ max: errors.length - 1 })),
    isHeld: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { minLength: 1, maxLength: 40 }),
      fc.infiniteStream(outcome),
      async (calls, stream) => {
        let partition = '';
        const codesUnderWay = new Set<string>();
        const ofCaller = () => ({ partition, scope: new AsyncResource('caller') });
        const queue = new RedemptionQueue(
          { schema: 'schema' },
          LIMITS,
          { home, ofCaller },
          async (requests, { partition: of }) => {
            const codes = [...new Set(requests.map(({ request }) => `${of} ${request.code.trim().toUpperCase()}`))];
            for (const code of codes) expect(codesUnderWay.has(code)).toBe(false);
            for (const code of codes) codesUnderWay.add(code);
            for (const { request } of requests) expect(request.shopId).toBe(of);
            expect(requests.length).toBeLessThanOrEqual(LIMITS.maxBatch);
            const { turns, error, isHeld } = stream.next().value!;
            for (let turn = 0; turn < turns; turn += 1) await setImmediate();
            for (const code of codes) codesUnderWay.delete(code);
            if (error !== null) throw errors[error]!();
            const answers: (Settled | undefined)[] = answered(requests);
            if (!isHeld || codes.length === 1) return answers;
            const nameOf = ({ request }: Attempted) => request.code.trim().toUpperCase();
            const held = nameOf(requests.at(-1)!);
            return answers.map((answer, place) => (nameOf(requests[place]!) === held ? undefined : answer));
          },
        );
        const settled = calls.map(async ({ code, key, partition: of, turns }, place) => {
          for (let turn = 0; turn < turns; turn += 1) await setImmediate();
          partition = of;
          const request = { code, shopId: of, customerAddress: `c${place}`, baseReward: '1' };
          return queue.add({ ...request, ...(key !== null && { idempotencyKey: key }) });
        });
        for (const [place, result] of (await Promise.allSettled(settled)).entries()) {
          if (result.status === 'fulfilled') expect(result.value).toMatchObject({ message: `c${place}` });
          else expect(result.reason).toBeInstanceOf(PromoCodesError);
        }
        await queue.idle();
        expect(queue.isIdle).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});
