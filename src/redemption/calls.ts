import { setTimeout as sleep } from 'node:timers/promises';
import {
  NotInstalledError,
  OutcomeUnknownError,
  PromoCodesError,
  RetryableTransactionError,
  ValidationError,
} from '../errors.js';
import { type Database, isPool, type Queryable } from '../postgres/database.js';
import { faultOf } from '../postgres/faults.js';
import { translateError } from '../postgres/server-errors.js';
import { messageOf, SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction } from '../postgres/transaction.js';

/** How calls whose transaction belongs to the library are repeated. */
export interface RetryPolicy {
  /** How often a call is sent at the most, the first time included. */
  attempts: number;
  /** The longest pause before a repetition; pauses begin at a hundredth of it, and are jittered. */
  maxDelayMs: number;
}

/** What an attempt has to know of those before it. */
export interface Attempt {
  /** An earlier attempt failed for its connection and may have had its effect. */
  inDoubt: boolean;
}

/** How the effect of an earlier attempt shows. */
export interface CallOptions {
  /**
   * `'repeatable'`: once or twice is the same, or the call finds out by itself. `'once'`: it must not be repeated in doubt,
   * and a connection that breaks leaves the outcome unknown.
   */
  effect: 'repeatable' | 'once';
  /** The isolation that a statement of its own would run in; READ COMMITTED is asked for where it is another one. */
  isolation?: string;
  /** A connection broke under the same call before. */
  inDoubt?: boolean;
}

/**
 * Runs a call. With a client of the host it runs there, once: the transaction is the host's. Otherwise it is a transaction
 * of its own, repeated after conflicts and broken connections.
 *
 * @throws RetryableTransactionError for a conflict in the host's transaction.
 * @throws OutcomeUnknownError when connections broke and no attempt could find out what became of the call.
 */
export async function call<Result>(
  db: Database,
  client: Queryable | undefined,
  policy: RetryPolicy,
  options: CallOptions,
  work: (connection: Queryable, attempt: Attempt) => Promise<Result>,
): Promise<Result> {
  if (client !== undefined || !isPool(db)) {
    try {
      return await work(client ?? db, { inDoubt: false });
    } catch (error) {
      throw inHostTransaction(error);
    }
  }
  const plain = options.isolation === undefined || options.isolation === 'read committed';
  let inDoubt = options.inDoubt ?? false;
  // Wider than doubt: who failed to connect had no effect, unless somebody in between says so wrongly.
  let repeated = inDoubt;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return plain
        ? await work(db, { inDoubt: repeated })
        : await inTransaction(db, (own) => work(own, { inDoubt: repeated }));
    } catch (error) {
      const fault = faultOf(error);
      inDoubt ||= fault === 'broken';
      repeated ||= fault === 'broken' || fault === 'unreached';
      const repeat = fault === 'broken' ? options.effect === 'repeatable' : fault !== 'other';
      if (!repeat || attempt >= policy.attempts) throw finalError(error, inDoubt, attempt);
    }
    await sleep(pauseOf(attempt, policy.maxDelayMs));
  }
}

/** Grows with the attempts, with jitter so that many callers do not come back at the same moment. */
function pauseOf(attempt: number, maxDelayMs: number): number {
  const longest = Math.min(maxDelayMs, (maxDelayMs / 100) * 2 ** attempt);
  return longest / 2 + Math.random() * (longest / 2);
}

function finalError(error: unknown, inDoubt: boolean, attempts: number): unknown {
  const sqlState = sqlStateOf(error);
  const fault = faultOf(error);
  if (inDoubt && (fault !== 'other' || sqlState === SqlState.lockNotAvailable)) {
    return new OutcomeUnknownError(
      `The connection broke, and after ${attempts} attempts it is not known whether the call had its effect: ${messageOf(error)}`,
      { sqlState, cause: error },
    );
  }
  if (fault === 'unreached') {
    return new PromoCodesError('CONNECTION_FAILED', `The server could not be reached: ${messageOf(error)}`, {
      sqlState,
      cause: error,
    });
  }
  if (fault === 'conflict') {
    return new PromoCodesError(
      'RETRIES_EXHAUSTED',
      `The server undid ${attempts} attempts because of others: ${messageOf(error)}`,
      {
        sqlState,
        cause: error,
      },
    );
  }
  return asFault(error);
}

function inHostTransaction(error: unknown): unknown {
  const fault = faultOf(error);
  const sqlState = sqlStateOf(error);
  if (fault === 'conflict') {
    return new RetryableTransactionError(`The transaction has to be rolled back and run again: ${messageOf(error)}`, {
      sqlState,
      cause: error,
    });
  }
  if (fault === 'broken') {
    return new OutcomeUnknownError(
      `The connection broke. Inside a transaction that was not committed nothing has happened: ${messageOf(error)}`,
      { sqlState, cause: error },
    );
  }
  return asFault(error);
}

/** Every error of the server has a place in the library's tree, with what the server said as its cause. */
function asFault(error: unknown): unknown {
  const sqlState = sqlStateOf(error);
  const details = { sqlState, cause: error };
  switch (sqlState) {
    case undefined: {
      const translated = translateError(error);
      if (translated instanceof PromoCodesError) return translated;
      return new PromoCodesError('DATABASE_ERROR', messageOf(error), details);
    }
    case SqlState.undefinedFunction:
      return new NotInstalledError(
        `A function of pg-promo-codes is missing: ${messageOf(error)}. Call installTriggers().`,
        [],
        details,
      );
    case SqlState.valueTooLong:
    case SqlState.numberTooLarge:
    case SqlState.checkViolation:
      return new ValidationError(
        [{ path: columnOf(error), message: `was refused by the table: ${messageOf(error)}` }],
        details,
      );
    default: {
      const translated = translateError(error);
      if (translated instanceof PromoCodesError) return translated;
      return new PromoCodesError('DATABASE_ERROR', messageOf(error), details);
    }
  }
}

function columnOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'input';
  const { column, constraint } = error as { column?: unknown; constraint?: unknown };
  return ([column, constraint].find((name) => typeof name === 'string') as string | undefined) ?? 'input';
}
