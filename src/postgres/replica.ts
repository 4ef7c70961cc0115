import type { AsyncResource } from 'node:async_hooks';
import { isPromoCodesError, type PromoCodesErrorCode } from '../errors.js';
import { type Plan, perform, type Work } from './attempts.js';
import type { ConnectionPool } from './database.js';
import { SqlState } from './sqlstate.js';
import { now } from './timers.js';

/** Between looks whether a replica that could not be reached is there again. */
const PROBE_PAUSE_MS = 1_000;
/** A server that is there answers in this time. */
const PROBE_MS = 2_000;
/** What says that a replica is not there, or does not answer: whoever asks it next would wait for the same. */
const AWAY: ReadonlySet<PromoCodesErrorCode> = new Set([
  'CONNECTION_FAILED',
  'CONNECTION_LOST',
  'AUTHENTICATION_FAILED',
  'POOL_EXHAUSTED',
  'CLOSED',
  'TIMEOUT',
]);

/**
 * The pool of a replica, and whether it can be asked. While it is away nobody waits for it: one statement at a time, which no
 * call waits for, looks whether it is back.
 */
export class Replica {
  readonly #pool: ConnectionPool;
  readonly #home: AsyncResource | undefined;
  readonly #track: (probe: Promise<void>) => unknown;
  #isAway = false;
  #isProbing = false;
  #probeAt = Number.NEGATIVE_INFINITY;

  /**
   * @param home the asynchronous context in which it is looked for; without one, that of the caller
   * @param track is given what goes on after the call that began it has its answer
   */
  constructor(pool: ConnectionPool, home: AsyncResource | undefined, track: (probe: Promise<void>) => unknown) {
    this.#pool = pool;
    this.#home = home;
    this.#track = track;
  }

  /** Whether it answered last; where it did not, it is looked for. */
  isThere(plan: Plan): boolean {
    if (this.#isAway && !this.#isProbing && now() >= this.#probeAt) {
      const probe = () => this.#probe(plan);
      this.#track(this.#home ? this.#home.runInAsyncScope(probe) : probe());
    }
    return !this.#isAway;
  }

  /** Reads once, in half of the time that is left: the other half is for the primary. */
  async read<Result>(plan: Plan, work: Work<Result>): Promise<Result> {
    const time = now();
    try {
      return await perform(this.#pool, once(plan, time + (plan.deadline - time) / 2), work);
    } catch (error) {
      // A statement that was cancelled is an answer.
      if (isPromoCodesError(error) && AWAY.has(error.code) && error.sqlState !== SqlState.queryCanceled) this.#leave();
      throw error;
    }
  }

  #leave(): void {
    this.#isAway = true;
    this.#probeAt = now() + PROBE_PAUSE_MS;
  }

  async #probe(plan: Plan): Promise<void> {
    this.#isProbing = true;
    try {
      await perform(this.#pool, once(plan, now() + PROBE_MS), (connection) => connection.query('SELECT 1 AS up'));
      this.#isAway = false;
    } catch {
      this.#leave();
    } finally {
      this.#isProbing = false;
    }
  }
}

function once(plan: Plan, deadline: number): Plan {
  return { ...plan, deadline, limits: { ...plan.limits, retry: { ...plan.limits.retry, attempts: 1 } } };
}
