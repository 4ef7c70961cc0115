import { ConnectionError, OutcomeUnknownError, PromoCodesError } from '../errors.js';
import { type CancellableClient, cancelStatement } from './cancel.js';
import { type Fate, fateOf, OWN_TRANSACTION, type OwnTransaction, toOwnTransaction } from './commits.js';
import type { ConnectionPool, Queryable } from './database.js';
import { type Doorway, doorwayOf } from './doorway.js';
import { type Fault, faultOf, isClosed, isSilence, NoAnswer } from './faults.js';
import { hasOwnQuery, type Lease, NoConnection, PoolQuery, takeConnection, withLimit } from './lease.js';
import { pause } from './retry.js';
import { readable, translateError } from './server-errors.js';
import { SqlState, sqlStateOf } from './sqlstate.js';
import { targetOf } from './target.js';
import { now } from './timers.js';
import { isUsable } from './transaction.js';

/** How attempts of a call whose transaction belongs to the library are repeated, until its deadline. */
export interface RetryPolicy {
  /** How often a call is sent at the most, the first time included. Default: no limit but the deadline. */
  attempts?: number | undefined;
  /** The longest pause before a retry, in milliseconds; the first retry comes at once, and pauses are jittered. Default: 50. */
  maxDelayMs?: number | undefined;
}

/** What bounds a call. All times in milliseconds. */
export interface CallLimits {
  deadlineMs: number;
  attemptTimeoutMs: number;
  lockTimeoutMs: number;
  retry: RetryPolicy & { maxDelayMs: number };
}

/** What an attempt has to know. */
export interface Attempt {
  /** An earlier attempt failed for its connection and may have had its effect. */
  inDoubt: boolean;
  /** How long this attempt may wait for a lock, in milliseconds: never longer than the client waits for its answer. */
  lockTimeoutMs: number;
  /** Runs a part of the work that changes nothing: where it gets no answer, the server ends it when the client does. */
  reads<Result>(part: Promise<Result>): Promise<Result>;
}

export type Work<Result> = (connection: Queryable, attempt: Attempt) => Promise<Result>;

/** What is asked of the server, and how often it may be asked. */
export interface Plan {
  limits: CallLimits;
  /** When the call has to be over, by `now()`. */
  deadline: number;
  /** `'none'` for what only reads: nothing is ever in doubt. `'repeatable'`: the call finds out by itself what it has done. */
  effect: 'none' | 'repeatable';
  /**
   * `'statement'`: each statement is its own transaction. `'read committed'`: one transaction of several round trips in that
   * isolation, with a limit for its lock waits.
   */
  transaction: 'statement' | 'read committed';
  /** A connection broke under the same call before. */
  inDoubt: boolean;
  /** What the statements of the work are sent through. */
  wrap: ((connection: Queryable) => Queryable) | undefined;
  /** The name of the database among several, for events. */
  shard?: string | undefined;
}

/** What the attempts of a call have left. */
interface Known<Result> {
  /** An attempt may have had its effect. */
  inDoubt: boolean;
  /** Wider than doubt: an attempt that was not let in had no effect, unless a proxy in between says so wrongly. */
  isRepeated: boolean;
  /** A transaction whose COMMIT was sent and not answered, and the result that it had. */
  unanswered: { transaction: OwnTransaction; value: Result } | undefined;
}

/** How an attempt failed. */
interface Failure {
  error: unknown;
  fault: Fault;
  /** It came to no connection. */
  connecting: boolean;
  /** It may have had its effect. */
  inDoubt: boolean;
}

/**
 * Runs a call on connections of a pool until it has an answer, or its deadline has come: a broken or silent connection, a
 * server that is down and a conflict are each followed by another attempt.
 *
 * After an attempt that may have had its effect no error is definite: it becomes an OutcomeUnknownError.
 */
export async function perform<Result>(pool: ConnectionPool, plan: Plan, work: Work<Result>): Promise<Result> {
  const { retry } = plan.limits;
  const caller = {};
  const door = doorwayOf(pool);
  const began = now();
  const known: Known<Result> = { inDoubt: plan.inDoubt, isRepeated: plan.inDoubt, unanswered: undefined };
  let last: Failure | undefined;
  try {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await tryOnce(pool, plan, door, caller, known, work);
      if (!('error' in outcome)) return outcome.value;
      // That the time ran out says less than what went wrong before.
      const failure: Failure = outcome.outOfTime && last ? last : outcome;
      last = failure;
      known.inDoubt ||= outcome.inDoubt;
      known.isRepeated ||= outcome.inDoubt || (outcome.fault === 'unreached' && !outcome.connecting);
      const state = { pool, inDoubt: known.inDoubt, attempts: attempt, elapsedMs: now() - began, plan };
      if (!isWorthRepeating(failure, known.inDoubt) || attempt >= (retry.attempts ?? Number.POSITIVE_INFINITY)) {
        throw finalError(failure, state);
      }
      const pauseMs = pauseBefore(attempt, retry.maxDelayMs);
      if (outcome.outOfTime || now() + pauseMs >= plan.deadline) throw finalError(failure, state);
      const { shard } = plan;
      await pause(pauseMs, () => ({ ...failure, error: reasonOf(failure), attempt, inDoubt: known.inDoubt, shard }));
    }
  } finally {
    door.leave(caller);
  }
}

/** The first retry comes at once; then pauses grow, with jitter so that many callers do not come back at the same moment. */
function pauseBefore(attempt: number, maxDelayMs: number): number {
  if (attempt === 1) return 0;
  const longest = Math.min(maxDelayMs, 2 ** Math.min(attempt, 20));
  return longest / 2 + Math.random() * (longest / 2);
}

function isWorthRepeating({ error, fault, connecting }: Failure, inDoubt: boolean): boolean {
  if (error instanceof CommitUnanswered) return error.fate === 'in progress';
  if (error instanceof PromoCodesError || isClosed(error)) return false;
  if (connecting) return fault !== 'other' || error instanceof NoConnection;
  return fault !== 'other' && (fault !== 'passing' || inDoubt);
}

/** Where a COMMIT has no answer yet, subscribers learn that, and not that the database failed. */
function reasonOf({ error }: Failure): unknown {
  return error instanceof CommitUnanswered ? new OutcomeUnknownError(error.message) : error;
}

async function tryOnce<Result>(
  pool: ConnectionPool,
  plan: Plan,
  door: Doorway,
  caller: object,
  known: Known<Result>,
  work: Work<Result>,
): Promise<{ value: Result } | (Failure & { outOfTime: boolean })> {
  const { attemptTimeoutMs } = plan.limits;
  const left = (): number => Math.min(attemptTimeoutMs, plan.deadline - now());
  const fail = (error: unknown, connecting: boolean, inDoubt = false) => ({
    error,
    fault: connecting && faultOf(error) === 'broken' ? ('unreached' as const) : faultOf(error),
    connecting,
    inDoubt,
    outOfTime: plan.deadline - now() < 1,
  });

  const passed = door.pass(caller, plan.deadline - now());
  if (passed !== true && !(await passed)) return fail(new NoConnection(plan.limits.deadlineMs, false), true);
  let connection: Lease;
  const connectMs = left();
  if (connectMs < 1) return fail(new NoConnection(plan.limits.deadlineMs, false), true);
  const isOwnQuery = hasOwnQuery(pool);
  // A statement sets no limit for its own waits: those for the lock of a table begin before it runs.
  const isBounded = plan.effect === 'none' && door.isSilent && !isOwnQuery;
  const transaction = isBounded ? 'read committed' : plan.transaction;
  const throughPool = transaction === 'statement' && isOwnQuery;
  try {
    connection = throughPool ? new PoolQuery(pool) : await takeConnection(pool, connectMs);
  } catch (error) {
    const failure = fail(error, true);
    if (failure.fault === 'unreached' && !(error instanceof NoConnection)) door.close(caller);
    return failure;
  }
  if (!throughPool) door.open();

  const progress: Progress<Result> = { committing: undefined };
  const limitMs = Math.max(1, left());
  try {
    if (known.unanswered) {
      const fate = await connection.within(limitMs, fateOf(connection, known.unanswered.transaction));
      if (fate !== 'aborted') {
        connection.release();
        return fate === 'committed' ? { value: known.unanswered.value } : fail(new CommitUnanswered(fate), false, true);
      }
      Object.assign(known, { inDoubt: plan.inDoubt, isRepeated: plan.inDoubt, unanswered: undefined });
    }
    connection.isReading = plan.effect === 'none';
    const attempt: Attempt = {
      inDoubt: known.isRepeated,
      lockTimeoutMs: lockWait(plan.limits, limitMs, connection.givesUpAfterMs),
      async reads(part) {
        connection.isReading = true;
        const result = await part;
        connection.isReading = plan.effect === 'none';
        return result;
      },
    };
    const working = carryOut(connection, { ...plan, transaction }, attempt, progress, work);
    const value = await connection.within(limitMs, working);
    connection.release();
    if (throughPool) door.open();
    return { value };
  } catch (error) {
    // The pool's `query` connects as well.
    const failure = fail(error, throughPool && faultOf(error) === 'unreached');
    if (isSilence(error) || (isBounded && sqlStateOf(error) === SqlState.lockNotAvailable)) door.noteSilence();
    if (failure.connecting) door.close(caller);
    else if (throughPool && failure.fault !== 'broken') door.open();
    const decisive = transaction === 'statement' ? connection.sent : progress.committing !== undefined;
    failure.inDoubt =
      known.unanswered !== undefined || (plan.effect !== 'none' && failure.fault === 'broken' && decisive);
    if (failure.inDoubt) known.unanswered ??= progress.committing;
    await giveBack(connection, failure, { ...plan, transaction }, progress);
    return failure;
  }
}

/**
 * What is left of the attempt is for the answer. The server counts a wait for a row twice, in the queue of those who wait
 * and at its head, so where the driver itself gives a statement up, both have to fit.
 */
function lockWait(limits: CallLimits, limitMs: number, givesUpAfterMs = Number.POSITIVE_INFINITY): number {
  return Math.max(1, Math.floor(Math.min(limits.lockTimeoutMs, 0.8 * limitMs, 0.4 * givesUpAfterMs)));
}

interface Progress<Result> {
  /** COMMIT was sent for this. Before, nothing can have had an effect. */
  committing: Known<Result>['unanswered'];
}

/** It is not known yet, or cannot be known, what became of a COMMIT. */
class CommitUnanswered extends Error {
  constructor(readonly fate: Fate) {
    super(
      fate === 'in progress'
        ? 'the COMMIT of an earlier attempt is still on its way'
        : 'the server was restarted, or is another one, since a COMMIT that it did not answer',
    );
  }
}

async function carryOut<Result>(
  connection: Lease,
  plan: Plan,
  attempt: Attempt,
  progress: Progress<Result>,
  work: Work<Result>,
): Promise<Result> {
  const through = plan.wrap ? plan.wrap(connection) : connection;
  if (plan.transaction === 'statement') return work(through, attempt);
  const transaction = await begin(connection, plan.limits, attempt);
  const value = await work(through, attempt);
  progress.committing = { transaction, value };
  await connection.query('COMMIT');
  return value;
}

/**
 * A transaction whose client has gone silent is ended by the server after the time that the client would have waited: its
 * locks do not stay, and a COMMIT that is still on its way finds nobody.
 */
async function begin(
  connection: Queryable,
  { attemptTimeoutMs }: CallLimits,
  { lockTimeoutMs }: Attempt,
): Promise<OwnTransaction> {
  await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  const { rows } = await connection.query(
    `SELECT ${limitTo('idle_in_transaction_session_timeout', '$1')} AS idle, ${limitTo('lock_timeout', '$2')} AS lock,
            ${OWN_TRANSACTION}`,
    [String(attemptTimeoutMs), String(lockTimeoutMs)],
  );
  return toOwnTransaction(rows[0] ?? {});
}

/** Sets a limit for the transaction where the session has none, or a longer one. */
function limitTo(setting: string, milliseconds: string): string {
  return `CASE WHEN current_setting('${setting}') = '0'
                 OR current_setting('${setting}')::interval > make_interval(secs => ${milliseconds}::text::float8 / 1000::float8)
               THEN set_config('${setting}', ${milliseconds}::text, true) END`;
}

/** A server that answers at all answers to this. */
const ROLLBACK_MS = 1_000;
/** The connection is worth waiting for a moment, even past the deadline. */
const LEAST_ROLLBACK_MS = 50;

async function giveBack(
  connection: Lease,
  { error, fault }: Failure,
  plan: Plan,
  progress: Progress<unknown>,
): Promise<void> {
  // A read-only server has had its failover: the next connection leads to another one.
  if (!isUsable(error) || fault === 'read-only') return connection.destroy();
  if (plan.transaction !== 'statement' && !progress.committing) {
    try {
      const limitMs = Math.min(ROLLBACK_MS, Math.max(LEAST_ROLLBACK_MS, plan.deadline - now()));
      await connection.within(limitMs, connection.query('ROLLBACK'));
    } catch {
      return connection.destroy();
    }
  }
  connection.release();
}

interface FinalState {
  pool: ConnectionPool;
  inDoubt: boolean;
  attempts: number;
  elapsedMs: number;
  plan: Plan;
}

function finalError({ error, fault, connecting }: Failure, state: FinalState): PromoCodesError {
  const { inDoubt, attempts, elapsedMs } = state;
  if (error instanceof OutcomeUnknownError) return error;
  const sqlState = sqlStateOf(error);
  const details = { sqlState, cause: error instanceof PromoCodesError && error.cause ? error.cause : error };
  const tries = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'} in ${Math.round(elapsedMs)} ms`;
  if (inDoubt) {
    return new OutcomeUnknownError(
      `The connection broke under a call, and after ${tries} it is not known whether it had its effect: ${readable(error)}. ` +
        'Look for the effect, or repeat the call with the same idempotencyKey.',
      details,
    );
  }
  if (error instanceof PromoCodesError) return error;
  const target = targetOf(state.pool);
  if (connecting) return translateError(error, { target, connecting: true });
  if (fault === 'conflict') {
    return new PromoCodesError(
      'RETRIES_EXHAUSTED',
      `The server undid ${tries} because of others: ${readable(error)}. Nothing was written.`,
      details,
    );
  }
  if (error instanceof NoAnswer) {
    return new PromoCodesError(
      'TIMEOUT',
      `The server did not answer (${tries}; deadlineMs, attemptTimeoutMs): ${readable(error)}. Nothing was written.`,
      details,
    );
  }
  return translateError(error, { target });
}

/**
 * Runs a call once, on a connection of the host: its transaction, its retries. A connection that gives no answer until the
 * deadline is closed, so that nothing of its transaction can be kept.
 */
export async function performHosted<Result>(
  client: Queryable,
  plan: Pick<Plan, 'limits' | 'deadline' | 'effect' | 'wrap'>,
  inTransaction: boolean,
  work: Work<Result>,
): Promise<Result> {
  const limitMs = Math.max(1, plan.deadline - now());
  const { connectionParameters } = client as DriverClient;
  const lockTimeoutMs = lockWait(plan.limits, limitMs, Number(connectionParameters?.query_timeout) || undefined);
  const attempt: Attempt = { inDoubt: false, lockTimeoutMs, reads: (part) => part };
  const working = work(plan.wrap ? plan.wrap(client) : client, attempt);
  try {
    return await withLimit(limitMs, working, () => {
      const { getTransactionStatus } = client as DriverClient;
      if (plan.effect === 'none' || getTransactionStatus?.call(client) === 'T') cancelStatement(client as DriverClient);
      closeSilently(client);
    });
  } catch (error) {
    if (error instanceof NoAnswer && !canBeClosed(client) && plan.effect !== 'none') {
      throw new OutcomeUnknownError(
        `The connection of your transaction gave ${readable(error)}, and this client cannot be closed from here. Roll the ` +
          'transaction back; should it be committed, the call may be part of it.',
        { cause: error },
      );
    }
    throw hostedError(error, client, plan.effect, inTransaction);
  }
}

function canBeClosed(client: DriverClient): boolean {
  return typeof client.connection?.stream?.destroy === 'function';
}

/** The host's client has no listener of the pool while it is out of it, and an error without one ends the process. */
function closeSilently(client: DriverClient): void {
  if (!canBeClosed(client)) return;
  client.on?.('error', () => undefined);
  client.connection?.stream?.destroy?.();
}

/** What node-postgres has beside `query`. */
interface DriverClient extends Queryable, CancellableClient {
  on?(event: 'error', listener: () => void): unknown;
  connection?: { stream?: { destroy?(): unknown } };
  connectionParameters?: { query_timeout?: unknown };
  getTransactionStatus?(): string | null;
}

function hostedError(
  error: unknown,
  client: Queryable,
  effect: Plan['effect'],
  inTransaction: boolean,
): PromoCodesError {
  if (error instanceof PromoCodesError) return error;
  const target = targetOf(client);
  if (faultOf(error) !== 'broken' || isClosed(error)) return translateError(error, { target, hosted: true });
  const status = (client as DriverClient).getTransactionStatus?.() ?? (inTransaction ? 'T' : 'I');
  if (status !== 'I') return translateError(error, { target, hosted: true });
  const details = { sqlState: sqlStateOf(error), cause: error };
  return effect === 'none'
    ? new ConnectionError('CONNECTION_LOST', `The connection to PostgreSQL broke: ${readable(error)}.`, details)
    : new OutcomeUnknownError(
        `The connection broke, outside of a transaction, and it is not known whether the call had its effect: ${readable(error)}. ` +
          'With a pool the library finds out by itself.',
        details,
      );
}
