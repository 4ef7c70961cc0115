import { InsufficientPrivilegeError, LockTimeoutError, NotInstalledError, PromoCodesError } from '../errors.js';
import { isConnectionLoss, messageOf, SqlState, sqlStateOf } from './sqlstate.js';

/** Gives an error of the server or of the connection its place in the library's tree; others are passed on as they are. */
export function translateError(error: unknown): unknown {
  if (error instanceof PromoCodesError) return error;
  const sqlState = sqlStateOf(error);
  const details = { sqlState, cause: error };
  switch (sqlState) {
    case SqlState.undefinedTable:
    case SqlState.undefinedColumn:
    case SqlState.undefinedSchema:
      return new NotInstalledError(`The tables are not as the library needs them: ${messageOf(error)}.`, [], details);
    case SqlState.insufficientPrivilege:
      return new InsufficientPrivilegeError(
        `The role of this connection may not do that: ${messageOf(error)}.`,
        details,
      );
    case SqlState.lockNotAvailable:
      return new LockTimeoutError(`A lock was not granted in time: ${messageOf(error)}.`, details);
    default:
      if (isConnectionLoss(error)) {
        return new PromoCodesError(
          'CONNECTION_LOST',
          `The connection to PostgreSQL broke: ${messageOf(error)}.`,
          details,
        );
      }
      return sqlState === undefined ? error : new PromoCodesError('DATABASE_ERROR', messageOf(error), details);
  }
}
