import type { DriftRecord } from './drift/drift-record.js';

/** What every error of this library carries beside its message. */
export interface PromoCodesErrorDetails {
  /** The SQLSTATE that PostgreSQL gave, where it was PostgreSQL that refused. */
  sqlState?: string | undefined;
  /** The error underneath, as node-postgres threw it. */
  cause?: unknown;
}

/**
 * The root of all errors that this library throws. A refusal (a limit is reached, a code has expired) is a value, not an
 * error; an error means that the call could not do its work.
 */
export class PromoCodesError extends Error {
  /** A stable name for programs, such as `'NOT_INSTALLED'`; messages may change, codes do not. */
  readonly code: string;
  /** The SQLSTATE that PostgreSQL gave, where it was PostgreSQL that refused. */
  readonly sqlState?: string;

  constructor(code: string, message: string, details: PromoCodesErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    if (details.sqlState !== undefined) this.sqlState = details.sqlState;
  }
}

/** One thing that is wrong with an input. */
export interface ValidationIssue {
  /** Where: the name of the option or field, with dots for nesting. */
  path: string;
  /** What is allowed there. */
  message: string;
}

/**
 * An argument is not what the call accepts. Lists all issues at once; thrown before anything is sent to the server, but for
 * what only the host's own tables refuse (a constraint of its own, say), which has a `cause`.
 */
export class ValidationError extends PromoCodesError {
  /** All that is wrong. */
  readonly issues: ValidationIssue[];

  constructor(issues: ValidationIssue[], details?: PromoCodesErrorDetails) {
    super('VALIDATION', issues.map(({ path, message }) => `${path}: ${message}`).join('; '), details);
    this.issues = issues;
  }
}

/** Tables or columns that the library needs are missing or of a type that cannot be counted with. Nothing was written. */
export class NotInstalledError extends PromoCodesError {
  /** What is missing or wrong, each as `schema.table` or `schema.table.column`. */
  readonly missing: string[];

  constructor(message: string, missing: string[], details?: PromoCodesErrorDetails) {
    super('NOT_INSTALLED', message, details);
    this.missing = missing;
  }
}

/** The database holds objects of a newer version of this library; an older one leaves them alone. Nothing was written. */
export class NewerInstallationError extends PromoCodesError {
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
  /** The SQL that a role with the rights (as a rule the owner of the tables) has to run, where SQL would help. */
  readonly sql?: string;

  constructor(message: string, details: PromoCodesErrorDetails & { sql?: string } = {}) {
    super('INSUFFICIENT_PRIVILEGE', message, details);
    if (details.sql !== undefined) this.sql = details.sql;
  }
}

/** Counters differ from their rows, or an installed trigger is not in order. */
export class DriftError extends PromoCodesError {
  /** What differs; empty where only a trigger is not in order. */
  readonly records: DriftRecord[];

  constructor(message: string, records: DriftRecord[]) {
    super('DRIFT', message);
    this.records = records;
  }
}

/** A code of that name exists in that shop already (compared without case). */
export class DuplicateCodeError extends PromoCodesError {
  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('DUPLICATE_CODE', message, details);
  }
}

/** No row has that id. */
export class NotFoundError extends PromoCodesError {
  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('NOT_FOUND', message, details);
  }
}

/** A hold cannot be confirmed any more; its use does not count, or will not for long. Redeem the code again. */
export class HoldExpiredError extends PromoCodesError {
  /** `'expired'`: its time ran out; `'replaced'`: the same customer redeemed or reserved the code once more. */
  readonly reason: 'expired' | 'replaced';

  constructor(reason: 'expired' | 'replaced', message: string) {
    super('HOLD_EXPIRED', message);
    this.reason = reason;
  }
}

/** The idempotency key was used before, with other parameters. */
export class IdempotencyConflictError extends PromoCodesError {
  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('IDEMPOTENCY_CONFLICT', message, details);
  }
}

/** A lock was not granted in time. Nothing was written; run it again when the transaction that holds the lock has ended. */
export class LockTimeoutError extends PromoCodesError {
  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('LOCK_TIMEOUT', message, details);
  }
}

/**
 * A serialization failure (40001) or a deadlock (40P01) in a transaction that belongs to the caller: roll it back and run
 * the whole of it again. Transactions of its own the library retries by itself.
 */
export class RetryableTransactionError extends PromoCodesError {
  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('RETRYABLE_TRANSACTION', message, details);
  }
}

/** The connection broke, and what became of the call could not be found out either. */
export class OutcomeUnknownError extends PromoCodesError {
  constructor(message: string, details?: PromoCodesErrorDetails) {
    super('OUTCOME_UNKNOWN', message, details);
  }
}

/** Too many redemptions wait for the server already (the option `batching.maxQueue`). This one was not sent. */
export class QueueFullError extends PromoCodesError {
  constructor(message: string) {
    super('QUEUE_FULL', message);
  }
}

/** Too many failed attempts under this key. */
export class RateLimitedError extends PromoCodesError {
  /** Milliseconds until an attempt is allowed again. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super('RATE_LIMITED', message);
    this.retryAfterMs = retryAfterMs;
  }
}
