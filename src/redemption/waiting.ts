import type { AsyncResource } from 'node:async_hooks';
import { CampaignsOfCodes } from './campaigns.js';
import type { Attempted, Settled } from './redeem.js';

/** What is known of a request of any kind. */
export interface SharedRequest {
  code: string;
  shopId: string;
  idempotencyKey?: string | undefined;
}

/** A caller without an answer. */
export interface Waiting<Request = SharedRequest, Result = unknown> extends Attempted<Request> {
  /** Shop and code, in one form for all ways to write it; or what is its own, where callers of one code may go at the same time. */
  code: string;
  /** Its place in the order of arrival. */
  place: number;
  /** When it is answered in any case, by the clock of `now()`. */
  deadline: number;
  /** Its asynchronous context, where statements run in that of a caller. */
  scope: AsyncResource | undefined;
  /** Where its statement has come to one; it is not given yet. */
  answer: Settled<Result> | undefined;
  settle(result: Settled<Result>): void;
}

/** Calls with the same idempotency key that have no answer yet, in order of arrival. */
interface SameKey {
  calls: Waiting[];
  /** Whether they are of several codes, so that the queues of these do not put them in order. */
  isMixed: boolean;
}

/** Puts calls with the same idempotency key in order, where their codes do not. */
class KeyOrder {
  readonly #keys = new Map<string, SameKey>();

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  add(entry: Waiting): void {
    const key = keyOf(entry);
    if (key === undefined) return;
    const same = this.#keys.get(key);
    if (!same) this.#keys.set(key, { calls: [entry], isMixed: false });
    else {
      same.calls.push(entry);
      same.isMixed ||= same.calls[0]!.code !== entry.code;
    }
  }

  remove(entry: Waiting): void {
    const key = keyOf(entry);
    if (key === undefined) return;
    const same = this.#keys.get(key);
    if (!same) return;
    same.calls.splice(same.calls.indexOf(entry), 1);
    if (same.calls.length === 0) this.#keys.delete(key);
  }

  /** Whether an earlier call with the same key, but another code, has no answer and is not in this batch. */
  mustWait(entry: Waiting, batch: readonly Waiting[]): boolean {
    const key = keyOf(entry);
    if (key === undefined) return false;
    const same = this.#keys.get(key);
    if (!same?.isMixed) return false;
    return same.calls.some(({ place, code }) => {
      return place < entry.place && code !== entry.code && !batch.some((taken) => taken.place === place);
    });
  }
}

function keyOf({ request: { shopId, idempotencyKey } }: Attempted<SharedRequest>): string | undefined {
  return idempotencyKey === undefined ? undefined : `${shopId}\0${idempotencyKey}`;
}

/** `'shared'`: statements of many codes; `'single'`: of one code whose lock somebody holds. */
export type Lane = 'shared' | 'single';

/** Callers who may share statements, by code. A code is in one statement at a time, and so is a campaign that is known. */
export class Partition<Entry extends Waiting = Waiting> {
  /** Those who wait, by code; the codes in the order in which they may go. */
  readonly #ready = new Map<string, Entry[]>();
  /** The codes that are under way, and who waits for them. */
  readonly #busy = new Map<string, Entry[]>();
  /** Codes whose lock somebody holds: each goes by itself, in a lane for such. */
  readonly #held = new Set<string>();
  /** Codes of a batch that waited too long: one at a time, until it is known whose lock somebody holds. */
  readonly #suspected = new Set<string>();
  readonly #keys = new KeyOrder();
  /** The campaigns that are under way, and of which codes they were known to be when these went. */
  readonly #busyCampaigns = new Map<string, string>();
  readonly #campaigns = new CampaignsOfCodes();

  /** Whether nothing is left of anybody. */
  get isEmpty(): boolean {
    const left = this.#ready.size + this.#busy.size + this.#held.size + this.#suspected.size;
    return left === 0 && this.#keys.isEmpty;
  }

  get heldCodes(): number {
    return this.#held.size;
  }

  add(entry: Entry): void {
    this.#keys.add(entry);
    const queue = this.#busy.get(entry.code) ?? this.#ready.get(entry.code);
    if (queue) queue.push(entry);
    else this.#ready.set(entry.code, [entry]);
  }

  /**
   * All who wait for the codes at the head, up to `share`, with all of their campaigns, and at the most `maxBatch`; or all who wait for
   * one held code.
   */
  take(lane: Lane, share: number, maxBatch: number): Entry[] {
    if (this.#ready.size === 0) return [];
    let batch: Entry[] = [];
    let codes = 0;
    const campaigns = new Set<string>();
    const underWay = new Set(this.#busyCampaigns.values());
    for (const [code, queue] of this.#ready) {
      if ((lane === 'single') !== this.#held.has(code)) continue;
      const room = maxBatch - batch.length;
      if (room === 0 || (batch.length >= share && campaigns.size === 0)) break;
      const campaign = lane === 'shared' ? this.#campaigns.of(code) : undefined;
      const isOfBatch = campaign !== undefined && campaigns.has(campaign);
      if (!isOfBatch && (batch.length >= share || (campaign !== undefined && underWay.has(campaign)))) continue;
      const isSuspected = this.#suspected.has(code);
      if (isSuspected && batch.length > 0) continue;
      const count = this.#sendable(queue, room, batch);
      if (count === 0) continue;
      this.#ready.delete(code);
      const taken = queue.splice(0, count);
      if (codes === 0) batch = taken;
      else for (const entry of taken) batch.push(entry);
      codes += 1;
      this.#busy.set(code, queue);
      if (campaign !== undefined) {
        campaigns.add(campaign);
        this.#busyCampaigns.set(code, campaign);
      }
      if (lane === 'single' || isSuspected) break;
    }
    return codes > 1 ? batch.sort((one, other) => one.place - other.place) : batch;
  }

  /** How many at the head of a queue need not wait for a call with the same key. */
  #sendable(queue: readonly Entry[], room: number, batch: readonly Entry[]): number {
    const count = Math.min(room, queue.length);
    if (this.#keys.isEmpty) return count;
    for (let place = 0; place < count; place += 1) if (this.#keys.mustWait(queue[place]!, batch)) return place;
    return count;
  }

  /** The earliest deadline of those who wait. */
  earliestDeadline(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const queues of [this.#ready, this.#busy]) {
      for (const queue of queues.values()) for (const { deadline } of queue) earliest = Math.min(earliest, deadline);
    }
    return earliest;
  }

  /** Those whose deadline is before that moment leave. */
  takeExpired(before: number): Entry[] {
    const expired: Entry[] = [];
    for (const queues of [this.#ready, this.#busy]) {
      for (const [code, queue] of queues) {
        const isExpired = ({ deadline }: Entry) => deadline < before;
        if (!queue.some(isExpired)) continue;
        expired.push(...queue.filter(isExpired));
        const left = queue.filter((entry) => !isExpired(entry));
        if (left.length > 0 || queues === this.#busy) queues.set(code, left);
        else {
          queues.delete(code);
          this.#forgetLock(code);
        }
      }
    }
    for (const entry of expired) this.#keys.remove(entry);
    return expired;
  }

  /** The batch waited for a lock in vain. */
  suspect(batch: readonly Entry[]): void {
    const codes = new Set(batch.map(({ code }) => code));
    for (const code of codes) (codes.size > 1 ? this.#suspected : this.#held).add(code);
  }

  /** Somebody holds each of the codes of these. */
  hold(entries: readonly Entry[]): void {
    for (const { code } of entries) this.#held.add(code);
  }

  /** Of which campaigns the codes of these are, as they were answered. */
  learn(entries: readonly Entry[]): void {
    this.#campaigns.learn(entries);
  }

  /** Who has an answer keeps nobody with the same key waiting. */
  forget(entry: Entry): void {
    this.#keys.remove(entry);
  }

  /** Before those who came later. */
  putBack(entries: readonly Entry[]): void {
    for (const entry of entries.toReversed()) {
      // Its attempt has ended. Batches that go their own ways from here must not wait for each other.
      if (!entry.inDoubt) entry.callIds = undefined;
      this.#busy.get(entry.code)!.unshift(entry);
    }
  }

  /** The statement of these codes has ended; those in `waiting` go once more the way that they have gone. */
  release(codes: ReadonlySet<string>, waiting: ReadonlySet<string>): void {
    for (const code of codes) {
      const queue = this.#busy.get(code);
      this.#busy.delete(code);
      this.#busyCampaigns.delete(code);
      if (queue && queue.length > 0) this.#ready.set(code, queue);
      if (!waiting.has(code)) this.#forgetLock(code);
    }
  }

  #forgetLock(code: string): void {
    this.#held.delete(code);
    this.#suspected.delete(code);
  }
}
