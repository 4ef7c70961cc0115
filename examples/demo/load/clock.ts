import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '../expect';

/** The time of the load. It ends early when one of its parts fails or the demo is interrupted. */
export class Clock {
  readonly #start = performance.now();
  readonly #length: number;
  #held = 0;
  readonly #stop = new AbortController();

  constructor(seconds: number, interruption: AbortSignal) {
    this.#length = seconds;
    interruption.addEventListener('abort', () => this.#stop.abort());
  }

  readonly isOver = (): boolean => this.#stop.signal.aborted || (this.seconds >= this.#length && this.#held === 0);

  get seconds(): number {
    return (performance.now() - this.#start) / 1_000;
  }

  /** Waits for that second; throws when the load ends before. */
  async reach(second: number): Promise<void> {
    await sleep(Math.max(0, (second - this.seconds) * 1_000), undefined, { signal: this.#stop.signal });
  }

  /** Waits until that is so; throws when it takes too long or the load ends before. */
  async until(isSo: () => boolean, limitMs: number, otherwise: string): Promise<void> {
    const limit = performance.now() + limitMs;
    while (!isSo()) {
      expect(performance.now() < limit, otherwise);
      await sleep(20, undefined, { signal: this.#stop.signal });
    }
  }

  /** The load goes on until that is done, also when its time is up: a busy machine may need longer. */
  async hold(work: Promise<void>): Promise<void> {
    this.#held += 1;
    await work;
    this.#held -= 1;
  }

  /** Waits until all parts have ended. When one fails, the others are told to end, and its error is thrown. */
  async runTogether(parts: readonly (Promise<unknown> | undefined)[]): Promise<void> {
    const all = Promise.all(parts).catch((error: unknown) => {
      this.#stop.abort();
      throw error;
    });
    await Promise.allSettled([all, ...parts]);
    await all;
  }
}
