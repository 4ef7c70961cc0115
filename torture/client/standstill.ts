const TICK_MS = 50;

/**
 * How long this process did not get to run, in all: a machine with more to do than it has processors lets a process stand
 * still for seconds, and what a timer of the library should have ended ends only then. Work of its own is no standstill,
 * however long it keeps the timers waiting.
 */
export class Standstill {
  #stoodMs = 0;
  #tickAt = performance.now();
  #worked = process.cpuUsage();

  constructor() {
    setInterval(() => {
      this.#stoodMs = this.total();
      this.#tickAt = performance.now();
      this.#worked = process.cpuUsage();
    }, TICK_MS).unref();
  }

  /** Milliseconds, up to now. */
  total(): number {
    const { user, system } = process.cpuUsage(this.#worked);
    const lateMs = performance.now() - this.#tickAt - TICK_MS;
    return Math.round(this.#stoodMs + Math.max(0, lateMs - (user + system) / 1_000));
  }
}
