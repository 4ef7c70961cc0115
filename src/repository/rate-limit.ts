import type { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimitedError } from '../errors.js';
import { type Database, isPool, type Queryable } from '../postgres/database.js';
import type { Call } from './context.js';
import { type Line, Lines } from './rate-limit-lines.js';

/** Counts failed attempts by key, in a table that all instances share. */
export interface Limiter {
  /**
   * Makes an attempt, where the key has one left.
   * @throws RateLimitedError
   */
  attempt<Result>(key: string, call: Call, work: Attempt<Result>): Promise<Result>;
}

type Attempt<Result> = () => Promise<{ result: Result; guessed: boolean }>;

/** How long an attempt waits for others of its key whose outcome decides about it. One in the host's transaction holds locks. */
const PATIENCE_MS = { own: 10_000, hosted: 1_000 };
/** What to wait where no window tells, since it is others under way that stand before an attempt. */
const BUSY_MS = 1_000;
/** Keys whose window is over are of no use. */
const CLEAR_EVERY_MS = 300_000;
/** As far as the clocks of two instances may be apart. */
const SKEW_MS = 3_600_000;

/** What a limiter works with. */
export interface LimiterSettings {
  db: Database;
  /** Where the library has its tables. */
  librarySchema(): Promise<string>;
  failures: number;
  windowSeconds: number;
  /** A call of its own, outside of the host's transaction. */
  newCall(): Promise<Call>;
  /** Is handed what goes on after the answer. */
  track<Result>(work: Promise<Result>): Promise<Result>;
}

/**
 * An attempt takes its point before it is made, so that attempts that come at once cannot pass, and gives it back when it
 * was no guess.
 *
 * In the host's transaction nothing is written and no second connection is waited for, which the host might hold itself. The
 * points are read on the host's connection, and the attempts that this process has under way in such transactions are added.
 * A failure is written on a connection of the pool as soon as there is one, so it counts also when the host rolls back.
 */
export function createLimiter(settings: LimiterSettings): Limiter {
  const { db, failures, windowSeconds, track } = settings;
  /** On what statements are sent through, one at a time: each has the limits of a call. */
  const storeOn = async (query: Queryable['query']): Promise<RateLimiterPostgres> => {
    // Here and not above, so that a host without a limiter neither loads its library nor has it in its bundle.
    const library = await import('rate-limiter-flexible');
    const schema = await settings.librarySchema();
    return new library.RateLimiterPostgres({
      storeClient: { query: numbersOf(query) },
      storeType: isPool(db) ? 'pool' : 'client',
      schemaName: schema.replaceAll('"', '""'),
      tableName: 'promo_code_rate_limits',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix: '',
      points: failures,
      duration: windowSeconds,
    });
  };
  let made: Promise<RateLimiterPostgres> | undefined;
  const own = () => {
    made ??= storeOn(async (text, values) => {
      const call = await settings.newCall();
      return call.write((connection) => connection.query(text, values));
    });
    return made;
  };
  let clearedAt = Date.now();
  const lines = new Lines(failures);

  /** @returns the milliseconds to wait where there is no point left */
  async function take(line: Line, key: string): Promise<{ place: RateLimiterRes } | { refusedFor: number }> {
    clearExpired();
    const place = await (await own()).penalty(key);
    if (place.consumedPoints + line.uncounted <= failures) return { place };
    await giveBack(key, place);
    return { refusedFor: place.msBeforeNext };
  }

  /** Behind an attempt now and then, and so by no timer that would outlive the repository. */
  function clearExpired(): void {
    if (Date.now() - clearedAt < CLEAR_EVERY_MS) return;
    clearedAt = Date.now();
    const expired = 'DELETE FROM :"library".promo_code_rate_limits WHERE expire < $1::bigint';
    const clearing = settings
      .newCall()
      .then((call) => call.write((db) => db.query(call.sql(expired), [clearedAt - SKEW_MS])));
    track(clearing).catch(() => undefined);
  }

  async function giveBack(key: string, place: RateLimiterRes, since = Date.now()): Promise<void> {
    // After the end of its window the point is gone by itself. That it cannot be given back must not hide the outcome.
    if (Date.now() - since < place.msBeforeNext) await (await own()).reward(key).catch(() => undefined);
  }

  async function attemptAlone<Result>(key: string, line: Line, work: Attempt<Result>): Promise<Result> {
    const { place } = await enter<{ place: RateLimiterRes }>(line, PATIENCE_MS.own, () => take(line, key));
    const since = Date.now();
    let guessed = false;
    try {
      const outcome = await work();
      guessed = outcome.guessed;
      return outcome.result;
    } finally {
      if (!guessed) await giveBack(key, place, since);
      line.leave();
    }
  }

  async function attemptHosted<Result>(key: string, line: Line, call: Call, work: Attempt<Result>): Promise<Result> {
    const reader = await storeOn((text, values) => call.read((connection) => connection.query(text, values)));
    await enter(line, PATIENCE_MS.hosted, async () => {
      const others = line.uncounted;
      const { written } = line;
      line.uncounted += 1;
      try {
        const found = await reader.get(key);
        if ((found?.consumedPoints ?? 0) + others < failures) return {};
        line.uncounted -= 1;
        // What was written meanwhile may have been counted twice.
        return { refusedFor: found?.msBeforeNext ?? BUSY_MS, isStale: line.written !== written };
      } catch (error) {
        line.uncounted -= 1;
        throw error;
      }
    });
    const end = () => {
      line.uncounted -= 1;
      line.leave();
    };
    try {
      const { result, guessed } = await work();
      // Not waited for: the pool may have no connection before the host's transaction ends.
      if (guessed)
        track(lines.with(key, () => line.write(own().then((limiter) => limiter.penalty(key))))).then(end, end);
      else end();
      return result;
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Waits for a place in the line of the key, and asks for an attempt until it is granted or certainly refused. */
  async function enter<Granted extends object>(
    line: Line,
    patienceMs: number,
    ask: () => Promise<Granted | { refusedFor: number; isStale?: boolean }>,
  ): Promise<Granted> {
    const deadline = Date.now() + patienceMs;
    let refusedFor = BUSY_MS;
    for (;;) {
      if (line.unwritten >= failures) throw limited(windowSeconds * 1_000);
      if (line.enter()) {
        const answer = await ask().catch((error: unknown) => {
          line.leave();
          throw error;
        });
        if (!('refusedFor' in answer)) return answer;
        if (answer.isStale) {
          line.leave();
          continue;
        }
        refusedFor = answer.refusedFor;
        if (line.stepBack(refusedFor)) throw limited(refusedFor);
      }
      const patience = deadline - Date.now();
      const sharedRefusal = patience > 0 ? await line.change(patience) : refusedFor;
      if (sharedRefusal !== undefined) throw limited(sharedRefusal);
    }
  }

  return {
    attempt: (key, call, work) =>
      lines.with(key, (line) =>
        call.client && isPool(db) ? attemptHosted(key, line, call, work) : attemptAlone(key, line, work),
      ),
  };
}

/** Without the names of statements, which poolers of transactions do not support, and whatever the host's `pg` makes of numbers. */
function numbersOf(query: Queryable['query']) {
  return async ({ text, values }: { text: string; values: unknown[] }) => {
    const { rows, rowCount } = await query(text, values);
    const read = ({ points, expire }: Record<string, unknown>) => ({
      points: Number(points),
      expire: expire === null ? null : Number(expire),
    });
    return { rows: rows.map(read), rowCount };
  };
}

function limited(milliseconds: number): RateLimitedError {
  const retryAfterMs = Math.max(1, Math.ceil(milliseconds));
  return new RateLimitedError(
    `Too many failed attempts; try again in ${Math.ceil(retryAfterMs / 1_000)} s.`,
    retryAfterMs,
  );
}
