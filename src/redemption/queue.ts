import type { AsyncResource } from 'node:async_hooks';
import { batchChannel } from '../diagnostics/channels.js';
import type { BatchEvent, RedeemEvent } from '../diagnostics/events.js';
import type { Trace } from '../diagnostics/operation.js';
import { OutcomeUnknownError, PromoCodesError, QueueFullError } from '../errors.js';
import { type Alarm, afterCallbacks, alarmIn, endAlarm, now } from '../postgres/timers.js';
import { asPromoCodesError, errorOfMany, isAtKey, isLate, Search } from './batch-errors.js';
import { codeKey } from './code-name.js';
import { type Attempted, PATIENCE_MS, type RedeemRequest, type Settled } from './redeem.js';
import type { RedeemResult } from './results.js';
import { type Lane, Partition, type SharedRequest, type Waiting } from './waiting.js';

/** How calls that come at the same time share statements. */
export interface QueueLimits {
  /** Calls in one statement, at the most. */
  maxBatch: number;
  /** Callers that wait, at the most. */
  maxQueue: number;
  /** Statements that are under way at the same time, at the most; as many again for codes that somebody else holds. */
  lanes: number;
  /**
   * Milliseconds that a call has from its beginning to its answer. A part is not for the wait to be sent, so that what is sent
   * has time to be answered.
   */
  deadlineMs: number;
}

/** Sends requests as one statement. Those of a code that somebody holds may get no answer. */
export type SendBatch<Request = RedeemRequest, Result = RedeemResult> = (
  requests: Attempted<Request>[],
  options: SendOptions,
) => Promise<(Settled<Result> | undefined)[]>;

/** What a queue is of. */
export interface QueueKind {
  /** What messages call a call. */
  noun: 'redemption' | 'preview';
  /**
   * Whether calls of one code go one statement after another, since each waits for its row. Those that wait for nobody go as soon
   * as there is room for a statement.
   */
  isOrdered: boolean;
}

const REDEMPTIONS: QueueKind = { noun: 'redemption', isOrdered: true };
export const PREVIEWS: QueueKind = { noun: 'preview', isOrdered: false };

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

/**
 * The part of its deadline that a call has left when it is sent. The rest outlasts the usual attempt on a connection that went
 * silent, behind which it may wait.
 */
const PART_TO_ANSWER = 0.2;

/**
 * Lets calls that come while others are under way go together, redemptions or previews: those of a code that nothing is under way for go at
 * once; the others wait, in order of arrival, for the statement before them, and then go as one. Within
 * a partition a code is in one statement at a time, so its callers get the answers that they would have had one after
 * another; previews need no such order. Codes that are known to be of one campaign go as one code does: their callers wait for the same row.
 */
export class RedemptionQueue<Request extends SharedRequest = RedeemRequest, Result = RedeemResult> {
  readonly #place: Pick<BatchEvent, 'schema' | 'shard'>;
  readonly #send: SendBatch<Request, Result>;
  readonly #limits: QueueLimits;
  readonly #scopes: Scopes;
  readonly #kind: QueueKind;
  /** Those with callers, in the order in which they may go; where there is only one, it stays. */
  readonly #partitions = new Map<string, Partition<Waiting<Request, Result>>>();
  #arrivals = 0;
  #waiting = 0;
  /** Callers without an answer. */
  #unsettled = 0;
  /** Who waits for there to be none, and no statement. */
  #whenIdle: (() => void)[] = [];
  /** Callers whose statement is under way in a shared lane. */
  #underWay = 0;
  #heldCodes = 0;
  /** Rings when somebody has waited for too long; there is one while somebody waits. */
  #alarm: Alarm | undefined;
  readonly #lanesInUse: Record<Lane, number> = { shared: 0, single: 0 };

  /** @param place which tables they are of, for events */
  constructor(
    place: Pick<BatchEvent, 'schema' | 'shard'>,
    limits: QueueLimits,
    scopes: Scopes,
    send: SendBatch<Request, Result>,
    kind: QueueKind = REDEMPTIONS,
  ) {
    this.#place = place;
    this.#limits = limits;
    this.#scopes = scopes;
    this.#send = send;
    this.#kind = kind;
  }

  /**
   * @param deadline when the call has to be over, by the clock of `now()`
   * @param trace of the call, where somebody listens
   * @throws QueueFullError when too many callers wait already; nothing was sent.
   * @throws whatever `ofCaller` throws; nothing was sent.
   */
  add(request: Request, deadline = now() + this.#limits.deadlineMs, trace?: Trace<RedeemEvent>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const { partition = '', scope } = this.#scopes.ofCaller?.() ?? {};
      if (this.#waiting >= this.#limits.maxQueue) {
        throw new QueueFullError(
          `${this.#limits.maxQueue} ${this.#kind.noun}s wait for the server already (batching.maxQueue); this one was not sent.`,
        );
      }
      const place = this.#arrivals++;
      const code = this.#kind.isOrdered ? codeKey(request) : String(place);
      this.#partition(partition).add(
        new Caller<Request, Result>(request, code, place, deadline, scope, trace, resolve, reject),
      );
      this.#waiting += 1;
      this.#unsettled += 1;
      this.#dispatch();
    });
  }

  /** How many callers wait for a statement; those of the statements under way do not. */
  get length(): number {
    return this.#waiting;
  }

  /** Resolves when nobody waits and nothing is under way, which may be at once. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Whether nobody waits, nothing is under way, and nothing is left of those who did. */
  get isIdle(): boolean {
    const { shared, single } = this.#lanesInUse;
    if (this.#unsettled > 0 || shared > 0 || single > 0) return false;
    for (const partition of this.#partitions.values()) if (!partition.isEmpty) return false;
    return this.#scopes.ofCaller === undefined || this.#partitions.size === 0;
  }

  #partition(name: string): Partition<Waiting<Request, Result>> {
    let partition = this.#partitions.get(name);
    if (partition === undefined) {
      partition = new Partition();
      this.#partitions.set(name, partition);
    }
    return partition;
  }

  #forgetIfEmpty(name: string, partition: Partition<Waiting<Request, Result>>): void {
    if (this.#scopes.ofCaller && partition.isEmpty) this.#partitions.delete(name);
  }

  #dispatch(): void {
    if (this.#heldCodes > 0) this.#dispatchIn('single');
    this.#dispatchIn('shared');
    if (this.#waiting > 0) this.#alarm ??= this.#newAlarm();
    else if (this.#alarm) {
      endAlarm(this.#alarm);
      this.#alarm = undefined;
    }
  }

  #dispatchIn(lane: Lane): void {
    while (this.#lanesInUse[lane] < this.#limits.lanes && this.#waiting > 0) {
      const trip = this.#take(lane);
      if (!trip) return;
      const { batch } = trip;
      this.#lanesInUse[lane] += 1;
      this.#waiting -= batch.length;
      if (lane === 'shared') this.#underWay += batch.length;
      void (batch[0]!.scope ?? this.#scopes.home)
        .runInAsyncScope(() => this.#carry(batch, trip))
        .then(() => this.#answer(trip));
    }
  }

  #take(lane: Lane): Trip<Request, Result> | undefined {
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
      let deadline = Number.POSITIVE_INFINITY;
      for (const entry of batch) deadline = Math.min(deadline, entry.deadline);
      return { batch, lane, name, partition, deadline, search: new Search(batch.length) };
    }
    return undefined;
  }

  /** Callers who are answered often call at once: they are let do so, and go with the next batch, not behind it. */
  #answer({ batch, lane, name, partition }: Trip<Request, Result>): void {
    const unanswered: Waiting<Request, Result>[] = [];
    // Now, and not when they have their answers: nobody would send those who wait for the same key afterwards.
    for (const entry of batch) {
      if (entry.answer === undefined) unanswered.push(entry);
      else partition.forget(entry);
    }
    if (lane === 'shared') this.#underWay -= batch.length;
    if (unanswered.length > 0) partition.putBack(unanswered);
    this.#waiting += unanswered.length;
    this.#unsettled -= batch.length - unanswered.length;
    const next = () => {
      this.#lanesInUse[lane] -= 1;
      this.#changeHeld(partition, () => partition.release(codesOf(batch), codesOf(unanswered)));
      this.#forgetIfEmpty(name, partition);
      this.#dispatch();
      if (this.#whenIdle.length > 0 && this.isIdle) for (const resolve of this.#whenIdle.splice(0)) resolve();
    };
    for (const entry of batch) if (entry.answer !== undefined) entry.settle(entry.answer);
    // For one caller it would only be a delay.
    if (batch.length === 1) next();
    else afterCallbacks(next);
  }

  #newAlarm(): Alarm {
    const { deadlineMs } = this.#limits;
    let earliest = Number.POSITIVE_INFINITY;
    for (const partition of this.#partitions.values()) earliest = Math.min(earliest, partition.earliestDeadline());
    // Those who come one after another leave in groups.
    return alarmIn(Math.max(earliest - deadlineMs * PART_TO_ANSWER - now(), deadlineMs / 100), () => {
      this.#alarm = undefined;
      this.#expire();
      this.#dispatch();
    });
  }

  /** Where statements take long, as on connections that went silent, nobody waits until there is no time left for an answer. */
  #expire(): void {
    const { deadlineMs } = this.#limits;
    const before = now() + deadlineMs * PART_TO_ANSWER;
    for (const [name, partition] of this.#partitions) {
      let expired: Waiting<Request, Result>[] = [];
      this.#changeHeld(partition, () => {
        expired = partition.takeExpired(before);
      });
      this.#waiting -= expired.length;
      this.#unsettled -= expired.length;
      for (const entry of expired) entry.settle(notSent(this.#kind, entry, deadlineMs));
      this.#forgetIfEmpty(name, partition);
    }
    if (this.#whenIdle.length > 0 && this.isIdle) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #changeHeld(partition: Partition<Waiting<Request, Result>>, change: () => void): void {
    const before = partition.heldCodes;
    change();
    this.#heldCodes += partition.heldCodes - before;
  }

  /** Sends a batch and notes the answers of all who are not to wait once more; never throws. */
  async #carry(batch: Waiting<Request, Result>[], trip: Trip<Request, Result>, isAtOneKey = false): Promise<void> {
    const { search, partition } = trip;
    if (search.over !== undefined) return answerAll(batch, errorOfMany(search.over));
    let error: PromoCodesError | undefined;
    try {
      const isHasty = trip.lane === 'shared' || (isAtOneKey && batch.length > 1);
      const options = {
        patienceMs: isHasty ? PATIENCE_MS : undefined,
        deadline: trip.deadline,
        partition: trip.name,
      };
      const settled = await (this.#kind.isOrdered && batchChannel.isHeard
        ? this.#sendHeard(batch, options)
        : this.#send(batch, options));
      for (let place = 0; place < batch.length; place += 1) batch[place]!.answer = settled[place];
      search.succeeded();
      partition.learn(batch);
      const held = batch.filter(({ answer }) => answer === undefined);
      if (held.length > 0) this.#changeHeld(partition, () => partition.hold(held));
    } catch (failure) {
      error = asPromoCodesError(failure);
    }
    if (error) await this.#halve(batch, trip, isAtOneKey, error);
  }

  /** One bad request must not fail the others: a batch that failed is halved until it is found. */
  async #halve(
    batch: Waiting<Request, Result>[],
    trip: Trip<Request, Result>,
    isAtOneKey: boolean,
    error: PromoCodesError,
  ): Promise<void> {
    const { lane, partition, search } = trip;
    const late = isLate(error);
    const ofOneKey = late && (isAtOneKey || isAtKey(error));
    const worthwhile = late ? ofOneKey : search.failed(error);
    if (worthwhile && batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      const first = batch.slice(0, middle);
      await this.#carry(first, trip, ofOneKey);
      // Who came later does not overtake those who have to wait once more.
      if (first.some(({ answer }) => answer === undefined)) return;
      await this.#carry(batch.slice(middle), trip, ofOneKey);
    } else if (late && lane === 'shared' && this.#kind.isOrdered) {
      this.#changeHeld(partition, () => partition.suspect(batch));
    } else {
      answerAll(this.#outOfTime(batch, trip, error), batch.length === 1 ? error : errorOfMany(error));
    }
  }

  /** A statement has the time of the one who has the least. Those who have as much left as who has not been sent go once more. */
  #outOfTime(
    batch: Waiting<Request, Result>[],
    { deadline }: Trip<Request, Result>,
    error: PromoCodesError,
  ): Waiting<Request, Result>[] {
    const time = now();
    if (time < deadline - 1) return batch;
    const isOver = (entry: Waiting<Request, Result>) =>
      entry.deadline < time + this.#limits.deadlineMs * PART_TO_ANSWER;
    if (error instanceof OutcomeUnknownError) {
      for (const entry of batch) if (!isOver(entry)) entry.inDoubt = true;
    }
    return batch.filter(isOver);
  }

  #sendHeard(batch: Waiting<Request, Result>[], options: SendOptions): Promise<(Settled<Result> | undefined)[]> {
    return batchChannel.run(
      () => ({
        ...this.#place,
        size: batch.length,
        codes: codesOf(batch).size,
        waiting: this.#waiting,
        durationMs: 0,
      }),
      () => this.#send(batch, options),
      { answered: () => ({ waiting: this.#waiting }), failed: () => ({ waiting: this.#waiting }) },
    );
  }
}

/** A batch on its way. */
interface Trip<Request extends SharedRequest, Result> {
  batch: Waiting<Request, Result>[];
  lane: Lane;
  name: string;
  partition: Partition<Waiting<Request, Result>>;
  deadline: number;
  search: Search;
}

function codesOf(entries: readonly Waiting[]): Set<string> {
  const codes = new Set<string>();
  for (const { code } of entries) codes.add(code);
  return codes;
}

function answerAll<Request, Result>(batch: readonly Waiting<Request, Result>[], answer: PromoCodesError): void {
  for (const entry of batch) entry.answer = answer;
}

function notSent(
  { noun }: QueueKind,
  { inDoubt }: { inDoubt?: boolean | undefined },
  deadlineMs: number,
): PromoCodesError {
  const waited = `The ${noun} waited for the statements before it, until too little of ${deadlineMs} ms (deadlineMs) was left`;
  if (inDoubt) {
    return new OutcomeUnknownError(
      `${waited}, after a connection had broken under it, and it is not known whether it was recorded.`,
    );
  }
  return new PromoCodesError('TIMEOUT', `${waited}, and was not sent.`);
}

class Caller<Request, Result> implements Waiting<Request, Result> {
  answer: Settled<Result> | undefined = undefined;
  useId: string | undefined = undefined;
  callIds: readonly string[] | undefined = undefined;
  campaign: string | null | undefined = undefined;
  inDoubt: boolean | undefined = undefined;

  constructor(
    readonly request: Request,
    readonly code: string,
    readonly place: number,
    readonly deadline: number,
    readonly scope: AsyncResource | undefined,
    readonly trace: Trace<RedeemEvent> | undefined,
    readonly resolve: (result: Result) => void,
    readonly reject: (error: PromoCodesError) => void,
  ) {}

  settle(result: Settled<Result>): void {
    if (result instanceof PromoCodesError) this.reject(result);
    else this.resolve(result);
  }
}
