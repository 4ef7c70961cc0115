import { LockTimeoutError, OutcomeUnknownError, PromoCodesError } from '../errors.js';
import { isRaised, serverField, sqlStateOf } from '../postgres/sqlstate.js';

/**
 * Whom the error of a statement of several callers concerns.
 * - `'one'`: a single request; the statement is halved until that stands by itself.
 * - `'unclear'`: perhaps all alike; halved as well, but not for long when nothing succeeds.
 * - `'all'`: everybody.
 */
export type Concern = 'one' | 'unclear' | 'all';

/** The server could not be asked, or there is no time left to ask it. */
const OF_ALL = [
  'CONNECTION_FAILED',
  'CONNECTION_LOST',
  'AUTHENTICATION_FAILED',
  'POOL_EXHAUSTED',
  'READ_ONLY',
  'CLOSED',
  'OUTCOME_UNKNOWN',
  'RETRIES_EXHAUSTED',
  'SEQUENCE_BEHIND',
];

/** Data, constraints, errors raised by functions or outside of the server's own languages: classes of what one row did. */
const CLASSES_OF_ONE = /^(21|22|23|2F|38|39|44|P0)/;
/** Connections, read-only, shut down or being started. A deadline that passed has no SQLSTATE. */
const STATES_OF_ALL = /^(08...|25...|57P..)$/;

export function concernOf(error: PromoCodesError): Concern {
  if (isLate(error)) return 'all';
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) {
    if (isRaised(error)) return 'one';
    if (CLASSES_OF_ONE.test(sqlState)) return 'one';
    if (STATES_OF_ALL.test(sqlState)) return 'all';
  }
  if (error.code === 'IDEMPOTENCY_CONFLICT' || error.code === 'VALIDATION') return 'one';
  if (error.code === 'TIMEOUT' && sqlState === undefined) return 'all';
  return OF_ALL.includes(error.code) ? 'all' : 'unclear';
}

/** Whether a lock was waited for in vain; a function of the host that says so of itself is something else. */
export function isLate(error: PromoCodesError): error is LockTimeoutError {
  return error instanceof LockTimeoutError && !isRaised(error);
}

/** Whether a key was waited for, which a transaction under another code has taken, and not the code. */
export function isAtKey(error: LockTimeoutError): boolean {
  return /promo_code_idempotency_keys/.test(serverField(error, 'where') ?? '');
}

/** Of the server, its resources and its objects: no data of a request is in such a message. */
const WITHOUT_DATA = /^(08|25|42|53|55|57|58)/;

/**
 * The error of a statement as all its callers get it: what came from the data of one of them is not for the others.
 */
export function errorOfMany(error: PromoCodesError): PromoCodesError {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined || (WITHOUT_DATA.test(sqlState) && !isRaised(error))) return error;
  const message = `A statement of several calls failed with SQLSTATE ${sqlState}; what the server said may concern another of them.`;
  if (!(error instanceof OutcomeUnknownError)) return new PromoCodesError(error.code, message, { sqlState });
  return new OutcomeUnknownError(`${message} A connection broke before, and it is not known what has happened.`, {
    sqlState,
  });
}

export function asPromoCodesError(error: unknown): PromoCodesError {
  return error instanceof PromoCodesError
    ? error
    : new PromoCodesError('DATABASE_ERROR', String(error), { cause: error });
}

/**
 * How far a batch is halved in search of a bad request. As long as no part succeeds, the error may be everybody's, and a
 * server that is out of disk space is not asked once for every caller: the search ends after a few failures more than one
 * bad request takes.
 */
export class Search {
  readonly #allowed: number;
  #failures = 0;
  #hasSucceeded = false;
  /** The error that is everybody's. */
  over: PromoCodesError | undefined;

  constructor(size: number) {
    this.#allowed = Math.ceil(Math.log2(size)) + 2;
  }

  succeeded(): void {
    this.#hasSucceeded = true;
  }

  /** @returns whether a smaller part may do better. */
  failed(error: PromoCodesError): boolean {
    const concern = concernOf(error);
    if (concern === 'unclear') this.#failures += 1;
    const isOver =
      concern === 'all' || (concern === 'unclear' && !this.#hasSucceeded && this.#failures >= this.#allowed);
    if (isOver) this.over = error;
    return !isOver;
  }
}
