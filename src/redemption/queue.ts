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
 * What goes together waits this long for locks. Then each code goes by itself, and the one that somebody holds in a lane of
 * its own, with all the patience that there is: so it does not hold up the others.
 */
const PATIENCE_MS = 200;

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
  /** Codes of a batch that waited too long: one at a time, until it is known whose lock somebody holds. */
  readonly #apart = new Set<string>();
  readonly #keys = new Map<string, SameKey>();
  #arrivals = 0;
  #waiting = 0;
  /** Callers without an answer. */
  #unsettled = 0;
  #whenIdle: (() => void)[] = [];
  /** Callers whose statement is under way in a shared lane. */
  #underWay = 0;
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
      const code = `${request.shopId}\0${request.code.trim().toUpperCase()}`;
      const entry: Waiting = {
        request,
        code,
        place: this.#arrivals++,
        settle: (result) => {
          this.#leave();
          if (result instanceof PromoCodesError) reject(result);
          else resolve(result);
        },
      };
      this.#rememberKey(entry);
      const queue = this.#busy.get(code) ?? this.#ready.get(code);
      if (queue) queue.push(entry);
      else this.#ready.set(code, [entry]);
      this.#waiting += 1;
      this.#unsettled += 1;
      this.#dispatch();
    });
  }

  /** Resolves when nobody waits and nothing is under way, which may be at once. */
  idle(): Promise<void> {
    if (this.#unsettled === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #leave(): void {
    this.#unsettled -= 1;
    if (this.#unsettled === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #dispatch(): void {
    for (const lane of ['alone', 'shared'] as const) {
      if (lane === 'alone' && this.#alone.size === 0) continue;
      while (this.#lanesInUse[lane] < this.#limits.lanes && this.#ready.size > 0) {
        const batch = this.#takeBatch(lane === 'alone');
        if (batch.length === 0) break;
        this.#lanesInUse[lane] += 1;
        if (lane === 'shared') this.#underWay += batch.length;
        void this.#carry(batch, lane).then((answers) => this.#answer(batch, answers, lane));
      }
    }
  }

  /** Callers who are answered often come again at once: they are let do so, and go with the next batch, not behind it. */
  #answer(batch: Waiting[], answers: Map<Waiting, Settled>, lane: 'alone' | 'shared'): void {
    // Now, and not when they are told: nobody would send those who wait for the same key afterwards.
    for (const entry of answers.keys()) this.#forgetKey(entry);
    if (lane === 'shared') this.#underWay -= batch.length;
    const again = batch.filter((entry) => !answers.has(entry));
    this.#putBack(again);
    const waiting = new Set(again.map(({ code }) => code));
    const next = () => {
      this.#lanesInUse[lane] -= 1;
      for (const code of new Set(batch.map((entry) => entry.code))) this.#release(code, waiting.has(code));
      this.#dispatch();
    };
    for (const [entry, answer] of answers) entry.settle(answer);
    // For one caller it would only be a delay.
    if (batch.length === 1) next();
    else setImmediate(next);
  }

  /**
   * All who wait for the codes at the head, as many as are this lane's share; or all who wait for one code that goes by
   * itself. Without shares the lane that comes first would take everybody, and the other what trickles in.
   */
  #takeBatch(alone: boolean): Waiting[] {
    const batch: Waiting[] = [];
    const share = (this.#waiting + this.#underWay) / this.#limits.lanes;
    for (const [code, queue] of this.#ready) {
      if (alone !== this.#alone.has(code)) continue;
      const room = this.#limits.maxBatch - batch.length;
      if (room === 0 || batch.length >= share) break;
      const apart = this.#apart.has(code);
      if (apart && batch.length > 0) continue;
      const blocked = queue.slice(0, room).findIndex((entry) => this.#mustWait(entry, batch));
      if (blocked === 0) continue;
      this.#ready.delete(code);
      batch.push(...queue.splice(0, blocked === -1 ? room : blocked));
      this.#busy.set(code, queue);
      if (alone || apart) break;
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

  #release(code: string, again: boolean): void {
    const queue = this.#busy.get(code);
    this.#busy.delete(code);
    if (queue && queue.length > 0) this.#ready.set(code, queue);
    if (again) return;
    this.#alone.delete(code);
    this.#apart.delete(code);
  }

  /** Sends a batch and gives the answers of all who are not to wait again; never throws. */
  async #carry(batch: Waiting[], lane: 'alone' | 'shared', ofKey = false): Promise<Map<Waiting, Settled>> {
    const codes = new Set(batch.map(({ code }) => code)).size;
    const start = performance.now();
    let answers: Map<Waiting, Settled> | undefined;
    let error: unknown;
    try {
      const settled = await this.#send(
        batch,
        lane === 'shared' || (ofKey && batch.length > 1) ? PATIENCE_MS : undefined,
      );
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
    return answers ?? this.#mend(batch, lane, ofKey, error);
  }

  /** One bad request must not fail the others: a batch that failed is halved until it is found. */
  async #mend(
    batch: Waiting[],
    lane: 'alone' | 'shared',
    ofKey: boolean,
    error: unknown,
  ): Promise<Map<Waiting, Settled>> {
    const late = error instanceof LockTimeoutError;
    const ofOneKey = late && (ofKey || isAtKey(error));
    if (batch.length > 1 && (ofOneKey || isOfSingleRequests(error))) {
      const middle = Math.ceil(batch.length / 2);
      const first = await this.#carry(batch.slice(0, middle), lane, ofOneKey);
      // Who came later does not overtake those who have to wait once more.
      if (first.size < middle) return first;
      return new Map([...first, ...(await this.#carry(batch.slice(middle), lane, ofOneKey))]);
    }
    if (late && lane === 'shared') {
      const codes = new Set(batch.map(({ code }) => code));
      for (const code of codes) (codes.size > 1 ? this.#apart : this.#alone).add(code);
      return new Map();
    }
    const failure =
      error instanceof PromoCodesError ? error : new PromoCodesError('DATABASE_ERROR', String(error), { cause: error });
    return new Map(batch.map((entry) => [entry, failure]));
  }

  /** Before those who came later. */
  #putBack(entries: Waiting[]): void {
    for (const entry of entries.toReversed()) {
      // Its attempt has ended. Batches that go their own ways from here must not wait for each other.
      if (!entry.inDoubt) delete entry.callId;
      this.#busy.get(entry.code)!.unshift(entry);
    }
    this.#waiting += entries.length;
  }
}

function keyOf({ request: { shopId, idempotencyKey } }: Attempted): string | undefined {
  return idempotencyKey === undefined ? undefined : `${shopId}\0${idempotencyKey}`;
}

/** Errors that would meet every part of the batch alike. */
const OF_ALL = ['NOT_INSTALLED', 'OUTCOME_UNKNOWN', 'CONNECTION_FAILED', 'SEQUENCE_BEHIND'];

/** Read-only, out of resources, cancelled or shut down, of the system, internal: classes of SQLSTATE that concern all alike. */
const CLASSES_OF_ALL = /^(25|53|57|58|XX)/;

function isOfSingleRequests(error: unknown): boolean {
  if (!(error instanceof PromoCodesError) || error instanceof LockTimeoutError) return false;
  return !OF_ALL.includes(error.code) && !CLASSES_OF_ALL.test(error.sqlState ?? '');
}

/** Whether a key was waited for, which a transaction under another code has taken, and not the code. */
function isAtKey({ cause }: LockTimeoutError): boolean {
  return /promo_code_idempotency_keys/.test(String((cause as { where?: unknown } | undefined)?.where));
}
