import { LockTimeoutError, PromoCodesError } from '../errors.js';
import { errorChain, serverField, sqlStateOf } from '../postgres/sqlstate.js';

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
  if (error instanceof LockTimeoutError) return 'all';
  const cause = serverErrorIn(error);
  if (cause !== undefined) {
    if (isRaised(cause)) return 'one';
    const sqlState = sqlStateOf(cause)!;
    if (CLASSES_OF_ONE.test(sqlState)) return 'one';
    if (STATES_OF_ALL.test(sqlState)) return 'all';
  }
  if (error.code === 'IDEMPOTENCY_CONFLICT' || error.code === 'VALIDATION') return 'one';
  if (error.code === 'TIMEOUT' && cause === undefined) return 'all';
  return OF_ALL.includes(error.code) ? 'all' : 'unclear';
}

/** Whether a key was waited for, which a transaction under another code has taken, and not the code. */
export function isAtKey(error: LockTimeoutError): boolean {
  return /promo_code_idempotency_keys/.test(serverField(error, 'where') ?? '');
}

/** The server's own error among an error and those that it wraps. */
function serverErrorIn(error: unknown): object | undefined {
  return errorChain(error).findLast((link) => sqlStateOf(link) !== undefined);
}

/** By RAISE in a function: whatever its SQLSTATE says, the function of a host has looked at a row. */
function isRaised(error: object): boolean {
  return 'routine' in error && error.routine === 'exec_stmt_raise';
}

/** Of the server, its resources and its objects: no data of a request is in such a message. */
const WITHOUT_DATA = /^(08|25|42|53|55|57|58)/;

/**
 * The error of a statement as all its callers get it: what came from the data of one of them is not for the others.
 */
export function errorOfMany(error: PromoCodesError): PromoCodesError {
  const cause = serverErrorIn(error);
  const sqlState = sqlStateOf(cause);
  if (sqlState === undefined || (WITHOUT_DATA.test(sqlState) && !isRaised(cause!))) return error;
  return new PromoCodesError(
    error.code,
    `A statement of several calls failed with SQLSTATE ${sqlState}; what the server said may concern another of them.`,
    { sqlState },
  );
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
