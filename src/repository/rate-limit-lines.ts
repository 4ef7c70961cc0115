import { alarmIn, endAlarm } from '../postgres/timers.js';

/**
 * The attempts of one key in this process. No more of them are under way than the key may fail, and the others wait: so
 * attempts that will succeed are not refused for the points of each other.
 */
export class Line {
  readonly #places: number;
  readonly #waiting = new Set<(refusedFor?: number) => void>();
  #underWay = 0;
  /** Attempts and failures that the table does not count, or not yet. */
  uncounted = 0;
  /** Failures that are being written. */
  unwritten = 0;
  /** Failures that were written, or could not be. */
  written = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** Takes a place, where there is one. */
  enter(): boolean {
    if (this.#underWay >= this.#places) return false;
    this.#underWay += 1;
    return true;
  }

  /** An attempt has ended. */
  leave(): void {
    this.#underWay -= 1;
    this.#wake();
  }

  /**
   * An attempt was refused. Where no other is under way that is certain, and holds for all that wait.
   * @returns whether it is
   */
  stepBack(refusedFor: number): boolean {
    this.#underWay -= 1;
    const isCertain = this.#underWay === 0;
    if (isCertain) this.#wake(refusedFor);
    return isCertain;
  }

  /** Until an attempt has ended or the time is up; gives the milliseconds of a refusal that is certain. */
  change(patienceMs: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const done = (refusedFor?: number) => {
        endAlarm(alarm);
        this.#waiting.delete(done);
        resolve(refusedFor);
      };
      const alarm = alarmIn(patienceMs, done);
      this.#waiting.add(done);
    });
  }

  async write(failure: Promise<unknown>): Promise<void> {
    this.unwritten += 1;
    try {
      await failure;
    } finally {
      this.unwritten -= 1;
      this.written += 1;
    }
  }

  #wake(refusedFor?: number): void {
    for (const done of [...this.#waiting]) done(refusedFor);
  }
}

/** A line for each key that has attempts, and none for others. */
export class Lines {
  readonly #places: number;
  readonly #lines = new Map<string, { line: Line; calls: number }>();

  constructor(places: number) {
    this.#places = places;
  }

  async with<Result>(key: string, work: (line: Line) => Promise<Result>): Promise<Result> {
    const entry = this.#lines.get(key) ?? { line: new Line(this.#places), calls: 0 };
    this.#lines.set(key, entry);
    entry.calls += 1;
    try {
      return await work(entry.line);
    } finally {
      entry.calls -= 1;
      if (entry.calls === 0) this.#lines.delete(key);
    }
  }
}
