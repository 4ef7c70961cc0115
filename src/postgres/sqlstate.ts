/** The SQLSTATEs that the library tells apart (PostgreSQL, Appendix A). */
export const SqlState = {
  activeSqlTransaction: '25001',
  noActiveSqlTransaction: '25P01',
  insufficientPrivilege: '42501',
  lockNotAvailable: '55P03',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  readOnlyTransaction: '25006',
  undefinedTable: '42P01',
  duplicateTable: '42P07',
  undefinedColumn: '42703',
  undefinedSchema: '3F000',
  undefinedFunction: '42883',
  uniqueViolation: '23505',
  checkViolation: '23514',
  valueTooLong: '22001',
  numberTooLarge: '22003',
  invalidParameterValue: '22023',
  keyConflict: 'PC007',
} as const;

/** The SQLSTATE of an error that came from the server, or `undefined` for any other value. */
export function sqlStateOf(error: unknown): string | undefined {
  // An error of the operating system has a code as well, and EPIPE looks like an SQLSTATE.
  if (typeof error !== 'object' || error === null || !('code' in error) || 'syscall' in error) return undefined;
  const { code } = error;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether the connection broke, as the server says when it ends a session, or as node-postgres and the system say it. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isConnectionLoss);
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) return /^(08...|57P0[1-5])$/.test(sqlState);
  if (typeof error !== 'object' || error === null) return false;
  return (
    'syscall' in error ||
    /connection terminated|connection error|client was closed|timeout exceeded when trying to connect/i.test(
      messageOf(error),
    )
  );
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
