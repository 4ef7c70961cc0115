import { alarmIn, endAlarm, now } from './timers.js';

/** So long after a statement that got no answer, and after each that waited for a lock in vain, others may meet the same. */
const SILENT_MS = 10_000;
/** A caller who has waited as long as this knocks as well. */
const KNOCK_MS = 500;

/**
 * Where callers of one pool wait while the server lets nobody in: one of them knocks, the others wait until it is in. So a
 * server that is down costs one connection attempt at a time, however many callers there are, and all of them go on in the
 * moment in which it is there.
 */
export class Doorway {
  #closed = false;
  #knocker: object | undefined;
  readonly #waiting = new Map<object, () => void>();
  #silentUntil = Number.NEGATIVE_INFINITY;

  /** Waits until the caller may try to connect; `false` when its time ran out before. */
  pass(caller: object, limitMs: number): true | Promise<boolean> {
    if (!this.#closed || this.#knocker === caller) return true;
    if (this.#knocker === undefined) {
      this.#knocker = caller;
      return true;
    }
    return new Promise((resolve) => {
      const alarm = alarmIn(Math.min(limitMs, KNOCK_MS), () => {
        this.#waiting.delete(caller);
        // Who knocks may have met a peer that is silent.
        if (limitMs > KNOCK_MS) this.#knocker = caller;
        resolve(limitMs > KNOCK_MS);
      });
      this.#waiting.set(caller, () => {
        endAlarm(alarm);
        resolve(true);
      });
    });
  }

  /** The server let a caller in. */
  open(): void {
    if (!this.#closed) return;
    this.#closed = false;
    this.#knocker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const go of waiting) go();
  }

  /** The server could not be reached. */
  close(caller: object): void {
    this.#closed = true;
    this.#knocker ??= caller;
  }

  /** A statement got no answer, or waited for a lock in vain. */
  noteSilence(): void {
    this.#silentUntil = now() + SILENT_MS;
  }

  /** Whether statements may get no answer, as while somebody holds the lock of a table. */
  get isSilent(): boolean {
    return now() < this.#silentUntil;
  }

  /**
   * A caller has its answer, or gives up; the one who came last knocks in its place. Those before have less time left, perhaps
   * too little to be let in, and a connection that is being made for them would be given up with them.
   */
  leave(caller: object): void {
    if (this.#knocker !== caller) return;
    this.#knocker = undefined;
    let last: object | undefined;
    for (const waiting of this.#waiting.keys()) last = waiting;
    if (last === undefined) return;
    const go = this.#waiting.get(last)!;
    this.#knocker = last;
    this.#waiting.delete(last);
    go();
  }
}

const doorways = new WeakMap<object, Doorway>();

export function doorwayOf(pool: object): Doorway {
  const known = doorways.get(pool) ?? new Doorway();
  doorways.set(pool, known);
  return known;
}
