import type { AsyncResource } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import { PromoCodesError, type PromoCodesErrorCode, QueueFullError } from '../errors.js';
import { afterCallbacks, now } from '../postgres/timers.js';
import { asPromoCodesError, errorOfMany, isAtKey, isLate, Search } from './batch-errors.js';
import { type Attempted, PATIENCE_MS, type RedeemRequest, type Settled } from './redeem.js';
import type { RedeemResult } from './results.js';
import { type Lane, Partition, type Waiting } from './waiting.js';

/** How redemptions of callers that come at the same time share statements. */
export interface QueueLimits {
  /** Redemptions in one statement, at the most. */
  maxBatch: number;
  /** Callers that wait, at the most. */
  maxQueue: number;
  /** Statements that are under way at the same time, at the most; as many again for codes that somebody else holds. */
  lanes: number;
  /** Milliseconds that a statement has, retries and parts included; and that a caller waits to be sent. */
  deadlineMs: number;
}

/** What a message on the diagnostics channel `pg-promo-codes:batch` holds, after every statement. No personal data. */
export interface BatchEvent {
  /** The schema of the repository. */
  schema: string;
  /** How many redemptions the statement held. */
  size: number;
  /** Of how many codes. */
  codes: number;
  /** How many callers wait meanwhile. */
  waiting: number;
  /** Milliseconds from sending to the answer, retries included. */
  durationMs: number;
  /** Where the statement failed: how. The server's message is not here, since it may quote a row. */
  error?: { code: PromoCodesErrorCode; sqlState?: string };
}

/** Sends requests as one statement. */
export type SendBatch = (requests: Attempted[], options: SendOptions) => Promise<Settled[]>;

interface SendOptions {
  /** Milliseconds that the lock of a code is waited for, where that is shorter than usual. */
  patienceMs?: number | undefined;
  /** When all of it has to be over, by the clock of `now()`. */
  deadline: number;
  /** Whose requests they are. */
  partition: string;
}

/** In which asynchronous context statements of several callers run. */
export interface Scopes {
  /** That in which the repository was made. */
  home: AsyncResource;
  /** Where callers are kept apart: which they are, and their own context, in one of which the statement runs. */
  ofCaller?: () => { partition: string; scope: AsyncResource };
}

const diagnostics = channel('pg-promo-codes:batch');

/**
 * Lets redemptions that come while others are under way go together: those of a code that nothing is under way for go at
 * once; the others wait, in order of arrival, for the statement before them, and then go as one. There is no timer. Within
 * a partition a code is in one statement at a time, so its callers get the answers that they would have had one after
 * another.
 */
export class RedemptionQueue {
  readonly #schema: string;
  readonly #send: SendBatch;
  readonly #limits: QueueLimits;
  readonly #scopes: Scopes;
  /** Those with callers, in the order in which they may go. */
  readonly #partitions = new Map<string, Partition>();
  #arrivals = 0;
  #waiting = 0;
  /** Callers without an answer. */
  #unsettled = 0;
  /** Who waits for there to be none, and no statement. */
  #whenIdle: (() => void)[] = [];
  /** Callers whose statement is under way in a shared lane. */
  #underWay = 0;
  #heldCodes = 0;
  #expiredAt = now();
  readonly #lanesInUse: Record<Lane, number> = { shared: 0, single: 0 };

  constructor(schema: string, limits: QueueLimits, scopes: Scopes, send: SendBatch) {
    this.#schema = schema;
    this.#limits = limits;
    this.#scopes = scopes;
    this.#send = send;
  }

  /**
   * @throws QueueFullError when too many callers wait already; nothing was sent.
   * @throws whatever `ofCaller` throws; nothing was sent.
   */
  redeem(request: RedeemRequest): Promise<RedeemResult> {
    return new Promise((resolve, reject) => {
      const { partition: name, scope } = this.#scopes.ofCaller?.() ?? { partition: '' };
      if (this.#waiting >= this.#limits.maxQueue) {
        throw new QueueFullError(
          `${this.#limits.maxQueue} redemptions wait for the server already (batching.maxQueue); this one was not sent.`,
        );
      }
      const partition = this.#partitions.get(name) ?? new Partition();
      this.#partitions.set(name, partition);
      partition.add({
        request,
        code: `${request.shopId}\0${request.code.trim().toUpperCase()}`,
        place: this.#arrivals++,
        arrivedAt: now(),
        scope,
        settle: (result) => {
          if (result instanceof PromoCodesError) reject(result);
          else resolve(result);
        },
      });
      this.#waiting += 1;
      this.#unsettled += 1;
      this.#dispatch();
    });
  }

  /** Resolves when nobody waits and nothing is under way, which may be at once. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Whether nobody waits, nothing is under way, and nothing is left of those who did. */
  get isIdle(): boolean {
    const { shared, single } = this.#lanesInUse;
    return this.#unsettled === 0 && this.#partitions.size === 0 && shared === 0 && single === 0;
  }

  #dispatch(): void {
    for (const lane of ['single', 'shared'] as const) {
      if (lane === 'single' && this.#heldCodes === 0) continue;
      while (this.#lanesInUse[lane] < this.#limits.lanes && this.#waiting > 0) {
        const trip = this.#take(lane);
        if (!trip) break;
        const { batch } = trip;
        this.#lanesInUse[lane] += 1;
        this.#waiting -= batch.length;
        if (lane === 'shared') this.#underWay += batch.length;
        void (batch[0]!.scope ?? this.#scopes.home)
          .runInAsyncScope(() => this.#carry(batch, trip))
          .then((answers) => this.#answer(trip, answers));
      }
    }
  }

  #take(lane: Lane): Trip | undefined {
    // Without shares the lane that comes first would take everybody, and the other what trickles in.
    const share = (this.#waiting + this.#underWay) / this.#limits.lanes;
    for (const [name, partition] of this.#partitions) {
      const batch = partition.take(lane, share, this.#limits.maxBatch);
      if (batch.length === 0) continue;
      if (this.#partitions.size > 1) {
        // The others come first next time.
        this.#partitions.delete(name);
        this.#partitions.set(name, partition);
      }
      return {
        batch,
        lane,
        name,
        partition,
        deadline: now() + this.#limits.deadlineMs,
        search: new Search(batch.length),
      };
    }
    return undefined;
  }

  /** Callers who are answered often call at once: they are let do so, and go with the next batch, not behind it. */
  #answer({ batch, lane, name, partition }: Trip, answers: Map<Waiting, Settled>): void {
    // Now, and not when they have their answers: nobody would send those who wait for the same key afterwards.
    for (const entry of answers.keys()) partition.forget(entry);
    if (lane === 'shared') this.#underWay -= batch.length;
    const unanswered = batch.filter((entry) => !answers.has(entry));
    partition.putBack(unanswered);
    this.#waiting += unanswered.length;
    const next = () => {
      this.#lanesInUse[lane] -= 1;
      this.#changeHeld(partition, () => partition.release(codesOf(batch), codesOf(unanswered)));
      this.#expire();
      if (partition.isEmpty) this.#partitions.delete(name);
      this.#dispatch();
      if (this.isIdle) for (const resolve of this.#whenIdle.splice(0)) resolve();
    };
    this.#unsettled -= answers.size;
    for (const [entry, answer] of answers) entry.settle(answer);
    // For one caller it would only be a delay.
    if (batch.length === 1) next();
    else afterCallbacks(next);
  }

  /** Where statements take long, as on connections that went silent, nobody waits for them longer than a whole deadline. */
  #expire(): void {
    const { deadlineMs } = this.#limits;
    const time = now();
    if (time - this.#expiredAt < deadlineMs / 10) return;
    this.#expiredAt = time;
    for (const [name, partition] of this.#partitions) {
      let expired: Waiting[] = [];
      this.#changeHeld(partition, () => {
        expired = partition.takeExpired(time - deadlineMs);
      });
      this.#waiting -= expired.length;
      this.#unsettled -= expired.length;
      for (const { settle } of expired) {
        settle(
          new PromoCodesError(
            'TIMEOUT',
            `The redemption waited ${deadlineMs} ms for the statements before it (deadlineMs), and was not sent.`,
          ),
        );
      }
      if (partition.isEmpty) this.#partitions.delete(name);
    }
  }

  #changeHeld(partition: Partition, change: () => void): void {
    const before = partition.heldCodes;
    change();
    this.#heldCodes += partition.heldCodes - before;
  }

  /** Sends a batch and gives the answers of all who are not to wait once more; never throws. */
  async #carry(batch: Waiting[], trip: Trip, isAtOneKey = false): Promise<Map<Waiting, Settled>> {
    const { search } = trip;
    if (search.over !== undefined) return answerAll(batch, errorOfMany(search.over));
    const start = now();
    let answers: Map<Waiting, Settled> | undefined;
    let error: PromoCodesError | undefined;
    try {
      const isHasty = trip.lane === 'shared' || (isAtOneKey && batch.length > 1);
      const settled = await this.#send(batch, {
        patienceMs: isHasty ? PATIENCE_MS : undefined,
        deadline: trip.deadline,
        partition: trip.name,
      });
      answers = new Map(batch.map((entry, index) => [entry, settled[index]!]));
      search.succeeded();
    } catch (failure) {
      error = asPromoCodesError(failure);
    }
    if (diagnostics.hasSubscribers) this.#publish(batch, now() - start, error);
    return answers ?? this.#halve(batch, trip, isAtOneKey, error!);
  }

  /** One bad request must not fail the others: a batch that failed is halved until it is found. */
  async #halve(
    batch: Waiting[],
    trip: Trip,
    isAtOneKey: boolean,
    error: PromoCodesError,
  ): Promise<Map<Waiting, Settled>> {
    const { lane, partition, search } = trip;
    const late = isLate(error);
    const ofOneKey = late && (isAtOneKey || isAtKey(error));
    const worthwhile = late ? ofOneKey : search.failed(error);
    if (worthwhile && batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      const first = await this.#carry(batch.slice(0, middle), trip, ofOneKey);
      // Who came later does not overtake those who have to wait once more.
      if (first.size < middle) return first;
      return new Map([...first, ...(await this.#carry(batch.slice(middle), trip, ofOneKey))]);
    }
    if (late && lane === 'shared') {
      this.#changeHeld(partition, () => partition.suspect(batch));
      return new Map();
    }
    return answerAll(batch, batch.length === 1 ? error : errorOfMany(error));
  }

  #publish(batch: Waiting[], durationMs: number, error: PromoCodesError | undefined): void {
    diagnostics.publish({
      schema: this.#schema,
      size: batch.length,
      codes: codesOf(batch).size,
      waiting: this.#waiting,
      durationMs,
      ...(error && {
        error: { code: error.code, ...(error.sqlState !== undefined && { sqlState: error.sqlState }) },
      }),
    } satisfies BatchEvent);
  }
}

/** A batch on its way. */
interface Trip {
  batch: Waiting[];
  lane: Lane;
  name: string;
  partition: Partition;
  deadline: number;
  search: Search;
}

function codesOf(entries: readonly Waiting[]): Set<string> {
  return new Set(entries.map(({ code }) => code));
}

function answerAll(batch: Waiting[], answer: Settled): Map<Waiting, Settled> {
  return new Map(batch.map((entry) => [entry, answer]));
}
