import type { DriftRecord } from './drift/drift-record.js';
import { withoutPasswords } from './passwords.js';
import type { RedeemResult } from './redemption/results.js';

/**
 * Every `code` that an error of this library can have. Codes are stable; messages may change. `docs/errors.md` says of each
 * what to do.
 */
export type PromoCodesErrorCode =
  | 'VALIDATION'
  | 'NOT_INSTALLED'
  | 'NEWER_INSTALLATION'
  | 'INSUFFICIENT_PRIVILEGE'
  | 'DRIFT'
  | 'DUPLICATE_CODE'
  | 'NOT_FOUND'
  | 'HOLD_EXPIRED'
  | 'BUDGET_EXHAUSTED'
  | 'IDEMPOTENCY_CONFLICT'
  | 'LOCK_TIMEOUT'
  | 'RETRYABLE_TRANSACTION'
  | 'TRANSACTION_ABORTED'
  | 'OUTCOME_UNKNOWN'
  | 'QUEUE_FULL'
  | 'RATE_LIMITED'
  | ConnectionErrorCode
  | 'TIMEOUT'
  | 'DATABASE_ERROR'
  | 'RETRIES_EXHAUSTED'
  | 'SEQUENCE_BEHIND'
  | 'TRANSACTION_ISOLATION'
  | 'UNCOUNTABLE_AMOUNT'
  | 'NOT_ONE_CONNECTION'
  | 'PATTERN_EXHAUSTED'
  | 'TOO_MANY_CHANGES'
  | 'UNEXPECTED_ANSWER'
  | 'SHARDS_FAILED';

/** The codes of a `ConnectionError`. */
export type ConnectionErrorCode =
  | 'CONNECTION_FAILED'
  | 'CONNECTION_LOST'
  | 'AUTHENTICATION_FAILED'
  | 'POOL_EXHAUSTED'
  | 'READ_ONLY'
  | 'CLOSED';

/** What every error of this library carries beside its message. */
export interface PromoCodesErrorDetails {
  /** The SQLSTATE that PostgreSQL gave, where it was PostgreSQL that refused. */
  sqlState?: string | undefined;
  /** The error underneath, as node-postgres threw it. */
  cause?: unknown;
}

/** Registered, so that a second copy of the library in the same process (ESM beside CommonJS) has the same. */
const KINDS = Symbol.for('pg-promo-codes.error-kinds');

/**
 * The root of all errors that this library throws. A refusal (a limit is reached, a code has expired) is a value, not an
 * error; an error means that the call could not do its work.
 *
 * `instanceof` holds for every class of the tree, also when the error comes from another copy of the library.
 */
export class PromoCodesError extends Error {
  /** The name of the class, which a bundler does not shorten. */
  protected static readonly kind: string = 'PromoCodesError';
  /** A stable name for programs; a `switch` over it can be exhaustive. */
  readonly code: PromoCodesErrorCode;
  /** The SQLSTATE that PostgreSQL gave, where it was PostgreSQL that refused. */
  declare readonly sqlState?: string;
  /** The database that it comes from, of a call of `PromoCodeShards`; its name stands in the message as well. */
  declare readonly shard?: string;

  constructor(code: PromoCodesErrorCode, message: string, details: PromoCodesErrorDetails = {}) {
    // Whatever it names, such as a connection string in the place of a schema or a shop.
    super(withoutPasswords(message), details.cause === undefined ? undefined : { cause: details.cause });
    const kinds = kindsOf(new.target);
    Object.defineProperty(this, 'name', { value: kinds[0], configurable: true, writable: true });
    Object.defineProperty(this, KINDS, { value: kinds });
    this.code = code;
    if (details.sqlState !== undefined) this.sqlState = details.sqlState;
  }

  /** What `instanceof` asks: whether a value is of this class, from whichever copy of the library. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: the class that stands to the right of instanceof
    return isInstance(this, value);
  }
}

function isInstance(type: object, value: unknown): boolean {
  // A class that a host derives from one of these is its own: only its prototype tells.
  if (!Object.hasOwn(type, 'kind')) return Function.prototype[Symbol.hasInstance].call(type, value);
  const kinds = kindsIn(value);
  return kinds.length > 0 && kinds.includes(kindsOf(type)[0] ?? '');
}

/** The kinds of a class and of those above it, the nearest first. */
function kindsOf(target: object): string[] {
  const kinds: string[] = [];
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, 'kind')) kinds.push(String((at as { kind?: string }).kind));
  }
  return kinds;
}

function kindsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null || !(KINDS in value)) return [];
  return value[KINDS] as readonly string[];
}

/**
 * Whether a value is an error of this library, from whichever copy of it: `error.code` is then a `PromoCodesErrorCode`.
 *
 * @example
 * try { await promoCodes.redeem(request); }
 * catch (error) { if (isPromoCodesError(error) && error.code === 'LOCK_TIMEOUT') retryLater(); else throw error; }
 */
export function isPromoCodesError(error: unknown): error is PromoCodesError {
  return kindsIn(error).includes('PromoCodesError');
}

/** Names the database that an error comes from; an input that is wrong is so anywhere. */
export function ofShard<Failure>(error: Failure, shard: string): Failure {
  // Callers who share a statement share its error.
  if (!(error instanceof PromoCodesError) || error instanceof ValidationError || error.shard !== undefined)
    return error;
  const { message, stack } = error;
  error.message = `Shard ${shard}: ${message}`;
  if (stack !== undefined) error.stack = stack.replace(message, () => error.message);
  return Object.assign(error, { shard });
}

/** One thing that is wrong with an input. */
export interface ValidationIssue {
  /** Where: the name of the option or field, with dots for nesting. */
  path: string;
  /** What is allowed there. */
  message: string;
  /** The value as it was received, for a person to read: cut where it is long, and left out where there is none. */
  received?: string;
}

/**
 * An argument is not what the call accepts. Lists all issues at once; thrown before anything is sent to the server, but for
 * what only the host's own tables refuse (a constraint of its own, say), which has a `cause`.
 */
export class ValidationError extends PromoCodesError {
  protected static override readonly kind: string = 'ValidationError';

  /** What is wrong: the first 100 issues. */
  readonly issues: ValidationIssue[];
  /** How many further issues there are. */
  readonly omitted: number;

  constructor(issues: ValidationIssue[], details?: PromoCodesErrorDetails) {
    const shown = issues.slice(0, MOST_ISSUES).map(withoutSecrets);
    const omitted = issues.length - shown.length;
    const more = omitted === 0 ? [] : [`and ${omitted} more`];
    super('VALIDATION', [...shown.map(issueText), ...more].join('; '), details);
    this.issues = shown;
    this.omitted = omitted;
  }
}

/** A batch can have one for each of its requests. */
export const MOST_ISSUES = 100;

function withoutSecrets({ path, message, received, ...issue }: ValidationIssue): ValidationIssue {
  return {
    ...issue,
    path: withoutPasswords(path),
    message: withoutPasswords(message),
    ...(received !== undefined && { received: withoutPasswords(received) }),
  };
}

/** A question is the remedy already. */
function issueText({ path, message, received }: ValidationIssue): string {
  return `${path}: ${message}${received === undefined || message.endsWith('?') ? '' : `; received ${received}`}`;
}

/** Tables or columns that the library needs are missing or of a type that cannot be counted with. Nothing was written. */
export class NotInstalledError extends PromoCodesError {
  protected static override readonly kind: string = 'NotInstalledError';

  /** What is missing or wrong, each as `schema.table` or `schema.table.column`. */
  readonly missing: string[];

  constructor(message: string, missing: string[], details?: PromoCodesErrorDetails) {
    super('NOT_INSTALLED', message, details);
    this.missing = missing.map(withoutPasswords);
  }
}

/** The database holds objects of a newer version of this library; an older one leaves them alone. Nothing was written. */
export class NewerInstallationError extends PromoCodesError {
  protected static override readonly kind: string = 'NewerInstallationError';

  /** The revision of the SQL that was found. */
  readonly found: number;
  /** The revision that this version of the library brings. */
  readonly supported: number;

  constructor(found: number, supported: number) {
    super(
      'NEWER_INSTALLATION',
      `The database holds the triggers of a newer pg-promo-codes (SQL revision ${found}; this version brings ${supported}). ` +
        'They were left as they are. Upgrade the package in this service, or uninstall with the newer version first.',
    );
    this.found = found;
    this.supported = supported;
  }
}

/** The role of this connection may not do what is needed. Nothing was written. */
export class InsufficientPrivilegeError extends PromoCodesError {
  protected static override readonly kind: string = 'InsufficientPrivilegeError';

  /** The SQL that a role with the rights (as a rule the owner of the tables) has to run, where SQL would help. */
  declare readonly sql?: string;

  constructor(message: string, details: PromoCodesErrorDetails & { sql?: string } = {}) {
    super('INSUFFICIENT_PRIVILEGE', message, details);
    if (details.sql !== undefined) this.sql = details.sql;
  }
}

/** Counters differ from their rows, or an installed trigger is not in order. */
export class DriftError extends PromoCodesError {
  protected static override readonly kind: string = 'DriftError';

  /** What differs; empty where only a trigger is not in order. */
  readonly records: DriftRecord[];

  constructor(message: string, records: DriftRecord[]) {
    super('DRIFT', message);
    this.records = records;
  }
}

/** A code of that name exists in that shop already (compared without case). */
export class DuplicateCodeError extends PromoCodesError {
  protected static override readonly kind: string = 'DuplicateCodeError';

  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('DUPLICATE_CODE', message, details);
  }
}

/** No row has that id. */
export class NotFoundError extends PromoCodesError {
  protected static override readonly kind: string = 'NotFoundError';

  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('NOT_FOUND', message, details);
  }
}

/** A hold cannot be confirmed any more; its use does not count, or will not for long. Redeem the code again. */
export class HoldExpiredError extends PromoCodesError {
  protected static override readonly kind: string = 'HoldExpiredError';

  /** `'expired'`: its time ran out; `'replaced'`: the same customer redeemed or reserved the code once more. */
  readonly reason: 'expired' | 'replaced';

  constructor(reason: 'expired' | 'replaced', message: string) {
    super('HOLD_EXPIRED', message);
    this.reason = reason;
  }
}

/** A use would be paid more than what is left of the budget of its code or of its campaign. Nothing was changed. */
export class BudgetExhaustedError extends PromoCodesError {
  protected static override readonly kind: string = 'BudgetExhaustedError';

  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('BUDGET_EXHAUSTED', message, details);
  }
}

/** The idempotency key was used before, with other parameters. */
export class IdempotencyConflictError extends PromoCodesError {
  protected static override readonly kind: string = 'IdempotencyConflictError';

  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('IDEMPOTENCY_CONFLICT', message, details);
  }
}

/** Who holds a lock that was waited for in vain. */
export interface LockHolder {
  /** The process of the server, as in `pg_stat_activity`. */
  pid: number;
  /** `application_name` of its session; empty where it has none. */
  applicationName: string;
  /** When its transaction began. */
  since: Date;
}

/** A lock was not granted in time. Nothing was written; run it again when the transaction that holds the lock has ended. */
export class LockTimeoutError extends PromoCodesError {
  protected static override readonly kind: string = 'LockTimeoutError';

  /** The code whose row was waited for, where it is known. */
  declare readonly promoCodeId?: string;
  /** Who holds it, where that is known and this role may see it. */
  declare readonly holder?: LockHolder;

  constructor(
    message: string,
    details: PromoCodesErrorDetails & { promoCodeId?: string | undefined; holder?: LockHolder | undefined } = {},
  ) {
    super('LOCK_TIMEOUT', message, details);
    if (details.promoCodeId !== undefined) this.promoCodeId = details.promoCodeId;
    if (details.holder !== undefined) this.holder = details.holder;
  }
}

/**
 * The server could not be reached or asked: `CONNECTION_FAILED` (not reached), `CONNECTION_LOST` (nothing is in doubt),
 * `AUTHENTICATION_FAILED`, `POOL_EXHAUSTED` (the host holds all clients of its pool), `READ_ONLY` (a replica, or a session
 * that may only read), `CLOSED` (the repository, the pool or the client was closed). Nothing was written.
 */
export class ConnectionError extends PromoCodesError {
  protected static override readonly kind: string = 'ConnectionError';
  declare readonly code: ConnectionErrorCode;

  constructor(code: ConnectionErrorCode, message: string, details?: PromoCodesErrorDetails) {
    super(code, message, details);
  }
}

/**
 * A serialization failure (40001) or a deadlock (40P01) in a transaction that belongs to the caller: roll it back and run
 * the whole of it again. Transactions of its own the library retries by itself.
 */
export class RetryableTransactionError extends PromoCodesError {
  protected static override readonly kind: string = 'RetryableTransactionError';

  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('RETRYABLE_TRANSACTION', message, details);
  }
}

/** The connection broke, and what became of the call could not be found out either. */
export class OutcomeUnknownError extends PromoCodesError {
  protected static override readonly kind: string = 'OutcomeUnknownError';

  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('OUTCOME_UNKNOWN', message, details);
  }
}

/** Too many redemptions wait for the server already (the option `batching.maxQueue`). This one was not sent. */
export class QueueFullError extends PromoCodesError {
  protected static override readonly kind: string = 'QueueFullError';

  constructor(message: string) {
    super('QUEUE_FULL', message);
  }
}

/** Too many failed attempts under this key. */
export class RateLimitedError extends PromoCodesError {
  protected static override readonly kind: string = 'RateLimitedError';

  /** Milliseconds until an attempt is allowed again. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super('RATE_LIMITED', message);
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Some of several databases failed under a call that went to all of them; the others have done their part, and what they have
 * done stays.
 */
export class ShardsError extends PromoCodesError {
  protected static override readonly kind: string = 'ShardsError';

  /** Why each of those that failed did, by its name. */
  readonly errors: Readonly<Record<string, Error>>;
  /**
   * Of `redeemMany`: the results of the requests of the other databases, which are committed, each in the place of its request;
   * `undefined` in the places of those that failed.
   */
  declare readonly results?: readonly (RedeemResult | undefined)[];

  constructor(
    message: string,
    errors: Readonly<Record<string, Error>>,
    results?: readonly (RedeemResult | undefined)[],
  ) {
    super('SHARDS_FAILED', message, { cause: Object.values(errors)[0] });
    this.errors = errors;
    if (results !== undefined) this.results = results;
  }
}
