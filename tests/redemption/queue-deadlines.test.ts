import { AsyncResource } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeEach, expect, it, vi } from 'vitest';
import type { QueueLimits, RedemptionQueue, SendBatch } from '../../src/redemption/queue';
import type { Attempted, Settled } from '../../src/redemption/redeem';

// Before the queue is loaded, which takes the clock and the timers that it finds: no machine is too slow for these tests.
vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
const { OutcomeUnknownError, PromoCodesError } = await import('../../src/errors');
const { RedemptionQueue: Queue } = await import('../../src/redemption/queue');

const DEADLINE_MS = 10_000;
/** The part of it in which nobody is sent any more. */
const TO_ANSWER_MS = 2_000;
/** Those who are late leave in groups. */
const GROUP_MS = 100;
const home = new AsyncResource('test');

let sent: { customers: string[]; inDoubt: boolean }[] = [];
beforeEach(() => {
  sent = [];
});
afterAll(() => vi.useRealTimers());

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const answered = (requests: Attempted[]): Settled[] =>
  requests.map(({ request }) => ({ ok: false, reason: 'expired', message: request.customerAddress }));

function newQueue(send: SendBatch, limits: Partial<QueueLimits> = {}): RedemptionQueue {
  const all = { maxBatch: 8, maxQueue: 10_000, lanes: 1, deadlineMs: DEADLINE_MS, ...limits };
  return new Queue({ schema: 'schema' }, all, { home }, (requests, options) => {
    const customers = requests.map(({ request }) => request.customerAddress);
    sent.push({ customers, inDoubt: requests.some(({ inDoubt }) => inDoubt) });
    return send(requests, options);
  });
}

/** Calls, and gives the customer where the call was answered, or the code of the error, and when. */
async function call(queue: RedemptionQueue, customerAddress: string, deadline?: number) {
  const began = performance.now();
  const answer = await queue
    .add({ code: 'A', shopId: 's', customerAddress, baseReward: '1' }, deadline)
    .then((result) => (result.ok ? 'ok' : result.message))
    .catch((error: InstanceType<typeof PromoCodesError>) => error);
  return {
    answer: answer instanceof PromoCodesError ? answer.code : answer,
    error: answer,
    ms: performance.now() - began,
  };
}

/** Lets time pass, with a turn of the event loop for every step of it. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await vi.advanceTimersByTimeAsync(50);
    await setImmediate();
  }
}

async function end(queue: RedemptionQueue): Promise<void> {
  await queue.idle();
  expect(queue.isIdle).toBe(true);
}

it('a deadline bounds the wait for the statement before and the statement as well', async () => {
  const queue = newQueue(async (_, { deadline }) => {
    await sleep(Math.max(0, deadline - performance.now()));
    throw new PromoCodesError('CONNECTION_FAILED', 'nobody answers');
  });
  const calls: ReturnType<typeof call>[] = [];
  for (let number = 0; number < 60; number += 1) {
    calls.push(call(queue, `c${number}`));
    await pass(500);
  }
  await pass(2 * DEADLINE_MS);
  const outcomes = await Promise.all(calls);
  await end(queue);
  expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThanOrEqual(DEADLINE_MS + GROUP_MS);
  expect(outcomes[0]).toMatchObject({ answer: 'CONNECTION_FAILED' });
  expect(new Set(outcomes.map(({ answer }) => answer))).toEqual(new Set(['CONNECTION_FAILED', 'TIMEOUT']));
});

it('those with time left when a statement ran out of it go once more, and look for what they may have done', async () => {
  const queue = newQueue(async (requests, { deadline }) => {
    if (sent.length === 1) await sleep(DEADLINE_MS / 4);
    if (sent.length !== 2) return answered(requests);
    await sleep(Math.max(0, deadline - performance.now()));
    throw new OutcomeUnknownError('who knows');
  });
  const calls = [
    call(queue, 'first'),
    call(queue, 'early'),
    call(queue, 'late', performance.now() + DEADLINE_MS + TO_ANSWER_MS),
    call(queue, 'too late', performance.now() + DEADLINE_MS + TO_ANSWER_MS - 10),
  ];
  await pass(2 * DEADLINE_MS);
  const answers = (await Promise.all(calls)).map(({ answer }) => answer);
  expect(answers).toEqual(['first', 'OUTCOME_UNKNOWN', 'late', 'OUTCOME_UNKNOWN']);
  await end(queue);
  expect(sent).toEqual([
    { customers: ['first'], inDoubt: false },
    { customers: ['early', 'late', 'too late'], inDoubt: false },
    { customers: ['late'], inDoubt: true },
  ]);
});

it('who has waited for most of a deadline is not sent any more', async () => {
  const queue = newQueue(
    async (requests) => {
      await sleep(3_000);
      return answered(requests);
    },
    { maxBatch: 1 },
  );
  const calls = [0, 1, 2, 3, 4].map((number) => call(queue, `c${number}`));
  await pass(DEADLINE_MS);
  const outcomes = await Promise.all(calls);
  await end(queue);
  expect(sent.map(({ customers }) => customers)).toEqual([['c0'], ['c1'], ['c2']]);
  expect(outcomes.slice(0, 3)).toMatchObject([
    { answer: 'c0', ms: 3_000 },
    { answer: 'c1', ms: 6_000 },
    { answer: 'c2', ms: 9_000 },
  ]);
  for (const { answer, error, ms } of outcomes.slice(3)) {
    expect(answer).toBe('TIMEOUT');
    expect(error).toMatchObject({ message: expect.stringContaining('was not sent') });
    expect(ms).toBeLessThanOrEqual(DEADLINE_MS - TO_ANSWER_MS + GROUP_MS);
  }
});
