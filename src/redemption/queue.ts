import { channel } from 'node:diagnostics_channel';
import { LockTimeoutError, PromoCodesError, QueueFullError } from '../errors.js';
import type { Attempted, RedeemRequest, Settled } from './redeem.js';
import type { RedeemResult } from './results.js';

/** How redemptions of callers that come at the same time share statements. */
export interface QueueLimits {
  /** Redemptions in one statement, at the most. */
  maxBatch: number;
  /** Callers that wait, at the most. */
  maxQueue: number;
  /** Statements that are under way at the same time, at the most; as many again for codes that somebody else holds. */
  lanes: number;
}

/** What the diagnostics channel `pg-promo-codes:batch` is told after every statement. */
export interface BatchEvent {
  /** The schema of the repository. */
  schema: string;
  /** How many redemptions the statement held. */
  size: number;
  /** Of how many codes. */
  codes: number;
  /** How many callers wait meanwhile. */
  waiting: number;
  /** Milliseconds from sending to the answer, repetitions included. */
  durationMs: number;
  /** The error, when the statement failed. */
  error?: unknown;
}

/** Sends requests as one statement. `patienceMs` is the wait for the lock of a code, where it is shorter than usual. */
export type SendBatch = (requests: Attempted[], patienceMs?: number) => Promise<Settled[]>;

/**
 * A batch of several codes waits this long for their locks. Then each code goes by itself, with all the patience that it
 * has, so that a code which somebody holds does not hold up the others.
 */
const PATIENCE_WITH_SEVERAL_CODES_MS = 200;

const diagnostics = channel('pg-promo-codes:batch');

interface Waiting extends Attempted {
  code: string;
  /** Its place in the order of arrival. */
  place: number;
  settle(result: Settled): void;
}

/** Calls with the same idempotency key that have no answer yet, in order of arrival. */
interface SameKey {
  calls: Waiting[];
  /** Whether they are of several codes, so that the queues of these do not put them in order. */
  mixed: boolean;
}

/**
 * Lets redemptions that come while others are under way go together: those of a code that nothing is under way for go at
 * once; the others wait, in order of arrival, for the statement before them, and then go as one. There is no timer. A code
 * is never in two statements of one queue, so its callers get the answers that they would have had one after another.
 */
export class RedemptionQueue {
  readonly #schema: string;
  readonly #send: SendBatch;
  readonly #limits: QueueLimits;
  /** Those who wait, by code; the codes in the order in which they may go. */
  readonly #ready = new Map<string, Waiting[]>();
  /** The codes that are under way, and who waits for them. */
  readonly #busy = new Map<string, Waiting[]>();
  /** Codes that have to go by themselves. */
  readonly #alone = new Set<string>();
  readonly #keys = new Map<string, SameKey>();
  #arrivals = 0;
  #waiting = 0;
  /** Statements under way: of codes that go together, and of codes that go by themselves. */
  readonly #lanesInUse = { shared: 0, alone: 0 };

  constructor(schema: string, limits: QueueLimits, send: SendBatch) {
    this.#schema = schema;
    this.#limits = limits;
    this.#send = send;
  }

  /** @throws QueueFullError when too many callers wait already; nothing was sent. */
  redeem(request: RedeemRequest): Promise<RedeemResult> {
    if (this.#waiting >= this.#limits.maxQueue) {
      return Promise.reject(
        new QueueFullError(
          `${this.#limits.maxQueue} redemptions wait for the server already (batching.maxQueue); this one was not sent.`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      const code = `${request.shopId}\n${request.code.trim().toUpperCase()}`;
      const entry: Waiting = {
        request,
        code,
        place: this.#arrivals++,
        settle: (result) => {
          this.#forgetKey(entry);
          if (result instanceof PromoCodesError) reject(result);
          else resolve(result);
        },
      };
      this.#rememberKey(entry);
      const queue = this.#busy.get(code) ?? this.#ready.get(code);
      if (queue) queue.push(entry);
      else this.#ready.set(code, [entry]);
      this.#waiting += 1;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (const lane of ['alone', 'shared'] as const) {
      while (this.#lanesInUse[lane] < this.#limits.lanes && this.#ready.size > 0) {
        const batch = this.#takeBatch(lane === 'alone');
        if (batch.length === 0) break;
        this.#lanesInUse[lane] += 1;
        void this.#carry(batch).then((answers) => this.#answer(batch, answers, lane));
      }
    }
  }

  /** Callers who are answered often come again at once: they are let do so, and go with the next batch, not behind it. */
  #answer(batch: Waiting[], answers: Map<Waiting, Settled>, lane: 'alone' | 'shared'): void {
    const next = () => {
      this.#lanesInUse[lane] -= 1;
      for (const code of new Set(batch.map((entry) => entry.code))) this.#release(code);
      this.#dispatch();
    };
    for (const [entry, answer] of answers) entry.settle(answer);
    // For one caller it would only be a delay.
    if (batch.length === 1) next();
    else setImmediate(next);
  }

  /** All who wait for the codes at the head, as many as fit; or all who wait for one code that goes by itself. */
  #takeBatch(alone: boolean): Waiting[] {
    const batch: Waiting[] = [];
    for (const [code, queue] of this.#ready) {
      if (alone !== this.#alone.has(code)) continue;
      const room = this.#limits.maxBatch - batch.length;
      if (room === 0) break;
      const blocked = queue.slice(0, room).findIndex((entry) => this.#mustWait(entry, batch));
      if (blocked === 0) continue;
      this.#ready.delete(code);
      batch.push(...queue.splice(0, blocked === -1 ? room : blocked));
      this.#busy.set(code, queue);
      if (alone) break;
    }
    this.#waiting -= batch.length;
    return batch.sort((one, other) => one.place - other.place);
  }

  /** Whether an earlier call with the same key, but another code, has no answer and is not in this batch. */
  #mustWait(entry: Waiting, batch: Waiting[]): boolean {
    const same = this.#keys.get(keyOf(entry) ?? '');
    if (!same?.mixed) return false;
    return same.calls.some(({ place, code }) => {
      return place < entry.place && code !== entry.code && !batch.some((taken) => taken.place === place);
    });
  }

  #rememberKey(entry: Waiting): void {
    const key = keyOf(entry);
    if (key === undefined) return;
    const same = this.#keys.get(key);
    if (!same) this.#keys.set(key, { calls: [entry], mixed: false });
    else {
      same.calls.push(entry);
      same.mixed ||= same.calls[0]!.code !== entry.code;
    }
  }

  #forgetKey(entry: Waiting): void {
    const key = keyOf(entry) ?? '';
    const same = this.#keys.get(key);
    if (!same) return;
    same.calls.splice(same.calls.indexOf(entry), 1);
    if (same.calls.length === 0) this.#keys.delete(key);
  }

  #release(code: string): void {
    const queue = this.#busy.get(code);
    this.#busy.delete(code);
    if (queue && queue.length > 0) this.#ready.set(code, queue);
    else this.#alone.delete(code);
  }

  /** Sends a batch and gives the answers of all who are not to wait again; never throws. */
  async #carry(batch: Waiting[]): Promise<Map<Waiting, Settled>> {
    const codes = new Set(batch.map(({ code }) => code)).size;
    const start = performance.now();
    let answers: Map<Waiting, Settled> | undefined;
    let error: unknown;
    try {
      const settled = await this.#send(batch, codes > 1 ? PATIENCE_WITH_SEVERAL_CODES_MS : undefined);
      answers = new Map(batch.map((entry, index) => [entry, settled[index]!]));
    } catch (failure) {
      error = failure;
    }
    if (diagnostics.hasSubscribers) {
      const durationMs = performance.now() - start;
      diagnostics.publish({
        schema: this.#schema,
        size: batch.length,
        codes,
        waiting: this.#waiting,
        durationMs,
        ...(error !== undefined && { error }),
      } satisfies BatchEvent);
    }
    return answers ?? this.#mend(batch, codes, error);
  }

  /** One bad request must not fail the others: a batch that failed is halved until it is found. */
  async #mend(batch: Waiting[], codes: number, error: unknown): Promise<Map<Waiting, Settled>> {
    if (codes > 1 && error instanceof LockTimeoutError) {
      this.#putBack(batch);
      return new Map();
    }
    if (batch.length > 1 && isOfSingleRequests(error)) {
      const middle = Math.ceil(batch.length / 2);
      const first = await this.#carry(batch.slice(0, middle));
      return new Map([...first, ...(await this.#carry(batch.slice(middle)))]);
    }
    const failure =
      error instanceof PromoCodesError ? error : new PromoCodesError('DATABASE_ERROR', String(error), { cause: error });
    return new Map(batch.map((entry) => [entry, failure]));
  }

  /** Each code goes by itself next time, before those who came later. */
  #putBack(batch: Waiting[]): void {
    for (const entry of batch) this.#alone.add(entry.code);
    for (const entry of batch.toReversed()) this.#busy.get(entry.code)!.unshift(entry);
    this.#waiting += batch.length;
  }
}

function keyOf({ request: { shopId, idempotencyKey } }: Attempted): string | undefined {
  return idempotencyKey === undefined ? undefined : `${shopId}\n${idempotencyKey}`;
}

/** Errors that would meet every part of the batch alike. */
const OF_ALL = ['NOT_INSTALLED', 'INSUFFICIENT_PRIVILEGE', 'OUTCOME_UNKNOWN', 'CONNECTION_FAILED', 'SEQUENCE_BEHIND'];

function isOfSingleRequests(error: unknown): boolean {
  return error instanceof PromoCodesError && !OF_ALL.includes(error.code) && !(error instanceof LockTimeoutError);
}
