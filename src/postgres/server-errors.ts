import {
  BudgetExhaustedError,
  ConnectionError,
  InsufficientPrivilegeError,
  LockTimeoutError,
  NotInstalledError,
  PromoCodesError,
  type PromoCodesErrorDetails,
  RetryableTransactionError,
  ValidationError,
} from '../errors.js';
import { faultOf, isClosed, NoAnswer } from './faults.js';
import { NoConnection } from './lease.js';
import { messageOf, SqlState, serverField, serverMessageOf, sqlStateOf } from './sqlstate.js';
import { describeTarget, type Target } from './target.js';

/** What is known beside the error itself. */
export interface ErrorContext {
  /** Where the connection leads. */
  target?: Target | undefined;
  /** The error came while a connection was being made or waited for, so nothing was sent. */
  connecting?: boolean;
  /** The statement was a part of a transaction of the host, on the host's connection. */
  hosted?: boolean;
}

/**
 * Gives an error of the server, of the connection or of the driver its place in the library's tree. The one place that
 * decides about classes and codes.
 */
export function translateError(error: unknown, context: ErrorContext = {}): PromoCodesError {
  if (error instanceof PromoCodesError) return error;
  const sqlState = sqlStateOf(error);
  const details = { sqlState, cause: error };
  if (isClosed(error)) {
    return new ConnectionError(
      'CLOSED',
      `The pool or the client was closed before: ${readable(error)}. Make the call before it is ended.`,
      details,
    );
  }
  if (context.connecting) return connectingError(error, context, details);
  return (
    (sqlState !== undefined && serverError(sqlState, error, context, details)) ||
    faultError(error, context, details) ||
    new PromoCodesError('DATABASE_ERROR', readable(error), details)
  );
}

/** What the server or the driver said, without a password. */
export function readable(error: unknown): string {
  const said = error instanceof PromoCodesError ? undefined : serverMessageOf(error);
  return (said ?? messageOf(error)).replace(/(\/\/[^:/@\s]*:)[^@\s]*@/g, '$1***@');
}

function connectingError(
  error: unknown,
  { target = {} }: ErrorContext,
  details: PromoCodesErrorDetails,
): PromoCodesError {
  const message = readable(error);
  const where = describeTarget(target);
  if (isExhausted(error)) {
    return new ConnectionError(
      'POOL_EXHAUSTED',
      `All clients of the pool are in use, and ${message}. Inside a transaction of yours pass its client, as ` +
        '{ client }; otherwise make the pool larger (max), or look for clients that are never released.',
      details,
    );
  }
  if (isRefusedUser(error, details.sqlState)) {
    const user = target.user === undefined ? 'the user' : `the user ${target.user}`;
    return new ConnectionError(
      'AUTHENTICATION_FAILED',
      `The server at ${where} refused ${user}: ${message}. Check the user and the password in DATABASE_URL, or whatever ` +
        'the pool was made with.',
      details,
    );
  }
  if (details.sqlState === SqlState.unknownDatabase) {
    return new ConnectionError(
      'CONNECTION_FAILED',
      `The server at ${where} has no such database: ${message}. Create it, or correct the name in DATABASE_URL.`,
      details,
    );
  }
  return new ConnectionError(
    'CONNECTION_FAILED',
    `PostgreSQL could not be reached at ${where}: ${message}. Is the server running there, and is DATABASE_URL set?`,
    details,
  );
}

function isExhausted(error: unknown): boolean {
  // What pg.Pool says with `connectionTimeoutMillis` of those who waited for a client, but not of a connection that failed.
  return error instanceof NoConnection
    ? error.allOut
    : /timeout exceeded when trying to connect/i.test(messageOf(error));
}

function isRefusedUser(error: unknown, sqlState: string | undefined): boolean {
  if (sqlState === undefined) return /^SASL|password/i.test(messageOf(error));
  return sqlState.startsWith('28');
}

const LIBRARY_TABLE =
  /promo_code_(?:holds|idempotency_keys|rate_limits|drift_checks|campaigns|campaign_codes|carried_totals|carried_customers|archived_uses)/;

function serverError(
  sqlState: string,
  error: unknown,
  { target, hosted }: ErrorContext,
  details: PromoCodesErrorDetails,
): PromoCodesError | undefined {
  const message = readable(error);
  switch (sqlState) {
    case SqlState.undefinedFunction:
      if (!message.includes('promo_code')) return undefined;
      return new NotInstalledError(
        `A function of pg-promo-codes is missing: ${message}. Call installTriggers().`,
        [],
        details,
      );
    case SqlState.undefinedTable: {
      if (message.includes('promo_code_history')) {
        return new NotInstalledError(
          'No history is kept of these uses. Call installTriggers(db, { history: true }), as the owner of the tables; it begins ' +
            'then.',
          ['promo_code_history'],
          details,
        );
      }
      const [missing] = LIBRARY_TABLE.exec(message) ?? [];
      if (missing === undefined) break;
      return new NotInstalledError(
        `A table of pg-promo-codes is missing: ${message}. Call installTriggers(), which creates it. Did a migration tool ` +
          'drop it?',
        [missing],
        details,
      );
    }
    case SqlState.insufficientPrivilege:
      return new InsufficientPrivilegeError(`The role of this connection may not do that: ${message}.`, details);
    case SqlState.lockNotAvailable:
      return new LockTimeoutError(
        `A lock was not granted in time: ${message}. Nothing was written; try again when the transaction that holds it ` +
          'has ended.',
        details,
      );
    case SqlState.abortedTransaction:
      return new PromoCodesError(
        'TRANSACTION_ABORTED',
        `An earlier statement of your transaction failed, so the server takes no further one: roll it back, and look for ` +
          `the first error (${message}).`,
        details,
      );
    case SqlState.readOnlyTransaction: {
      const where = target === undefined ? 'This server or session' : `The server at ${describeTarget(target)}`;
      return new ConnectionError(
        'READ_ONLY',
        `${where} is read-only (a replica, or default_transaction_read_only): ${message}. Nothing was written; connect to ` +
          'the primary.',
        details,
      );
    }
    case SqlState.queryCanceled:
      return new PromoCodesError(
        'TIMEOUT',
        `The statement was cancelled, by statement_timeout or by somebody, and has changed nothing: ${message}.`,
        details,
      );
    case SqlState.budgetExhausted:
    case SqlState.campaignBudgetExhausted:
      return new BudgetExhaustedError(`The use was refused (enforceLimits): ${message}.`, details);
    case SqlState.notNullViolation:
      return missingValue(error, message, details);
    case SqlState.valueTooLong:
    case SqlState.numberTooLarge:
    case SqlState.checkViolation: {
      const path = serverField(error, 'column') ?? serverField(error, 'constraint') ?? 'input';
      return new ValidationError([{ path, message: `was refused by the table: ${message}` }], details);
    }
    default:
  }
  if (/^(42P01|42703|3F000)$/.test(sqlState)) {
    return new NotInstalledError(`The tables are not as the library needs them: ${message}.`, [], details);
  }
  if (hosted && faultOf(error) === 'conflict') {
    return new RetryableTransactionError(`The transaction has to be rolled back and run again: ${message}`, details);
  }
  return undefined;
}

function missingValue(error: unknown, message: string, details: PromoCodesErrorDetails): ValidationError {
  const column = serverField(error, 'column');
  const table = serverField(error, 'table') ?? 'the table';
  if (column === undefined) {
    return new ValidationError([{ path: 'input', message: `was refused by the table: ${message}` }], details);
  }
  return new ValidationError(
    [
      {
        path: column,
        message:
          `is a column of ${table} that is NOT NULL and got no value (${message}). The library does not fill columns of ` +
          `your own: give it a default (ALTER TABLE ${table} ALTER COLUMN "${column}" SET DEFAULT ...), fill it in a ` +
          'BEFORE INSERT trigger, or let it be NULL',
      },
    ],
    details,
  );
}

function faultError(
  error: unknown,
  { target, hosted }: ErrorContext,
  details: PromoCodesErrorDetails,
): PromoCodesError | undefined {
  const where = target === undefined ? '' : ` at ${describeTarget(target)}`;
  switch (faultOf(error)) {
    case 'unreached':
      return connectingError(error, { target }, details);
    case 'broken': {
      const what = error instanceof NoAnswer ? 'went silent' : 'broke';
      const kept = hosted ? ' Nothing of the transaction that was open on it is kept: run it again.' : '';
      return new ConnectionError(
        'CONNECTION_LOST',
        `The connection to PostgreSQL${where} ${what}: ${readable(error)}.${kept}`,
        details,
      );
    }
    default:
      return undefined;
  }
}
