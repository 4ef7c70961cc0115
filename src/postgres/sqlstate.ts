import { PromoCodesError } from '../errors.js';

/** The SQLSTATEs that the library tells apart (PostgreSQL, Appendix A). */
export const SqlState = {
  activeSqlTransaction: '25001',
  abortedTransaction: '25P02',
  noActiveSqlTransaction: '25P01',
  insufficientPrivilege: '42501',
  invalidAuthorization: '28000',
  invalidPassword: '28P01',
  unknownDatabase: '3D000',
  lockNotAvailable: '55P03',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  readOnlyTransaction: '25006',
  queryCanceled: '57014',
  undefinedTable: '42P01',
  duplicateTable: '42P07',
  undefinedColumn: '42703',
  undefinedSchema: '3F000',
  undefinedFunction: '42883',
  uniqueViolation: '23505',
  notNullViolation: '23502',
  checkViolation: '23514',
  valueTooLong: '22001',
  numberTooLarge: '22003',
  invalidParameterValue: '22023',
  keyConflict: 'PC007',
  budgetExhausted: 'PC009',
  campaignBudgetExhausted: 'PC012',
} as const;

/** Where database libraries keep the error that they wrap: `cause` (Drizzle), `original` (Sequelize), `driverError` (TypeORM). */
const WRAPPERS = ['cause', 'original', 'driverError', 'parent', 'meta', 'driverAdapterError'];
/** Enough for every library that is known; it also ends a circle. */
const DEEPEST = 8;

/** An error and those that it wraps, the outermost first. */
export function errorChain(error: unknown): object[] {
  const chain: object[] = [];
  const follow = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || chain.length >= DEEPEST || chain.includes(value)) return;
    chain.push(value);
    for (const wrapper of WRAPPERS) if (wrapper in value) follow((value as Record<string, unknown>)[wrapper]);
  };
  follow(error);
  return chain;
}

/** The SQLSTATE of an error that came from the server, however a library has wrapped it; `undefined` for any other value. */
export function sqlStateOf(error: unknown): string | undefined {
  const server = serverErrorOf(error);
  return server && ownSqlState(server);
}

/** What the server names in its error: in node-postgres `column`, in postgres.js `column_name`. */
export function serverField(
  error: unknown,
  field: 'table' | 'column' | 'constraint' | 'schema' | 'detail' | 'where',
): string | undefined {
  const server = serverErrorOf(error) as Record<string, unknown> | undefined;
  const value = server?.[field] ?? server?.[`${field}_name`];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Whether a function raised the error (RAISE): whatever its SQLSTATE says, it is none of the server's own. */
export function isRaised(error: unknown): boolean {
  const server = serverErrorOf(error);
  return server !== undefined && 'routine' in server && server.routine === 'exec_stmt_raise';
}

/**
 * What the server said, without what a library has put around it: the whole statement with its values, as a rule, and so data
 * of the host's customers.
 */
export function serverMessageOf(error: unknown): string | undefined {
  const { message, originalMessage } = (serverErrorOf(error) ?? {}) as { message?: unknown; originalMessage?: unknown };
  return [originalMessage, message].find((text): text is string => typeof text === 'string' && text !== '');
}

function serverErrorOf(error: unknown): object | undefined {
  return errorChain(error).find((link) => ownSqlState(link) !== undefined);
}

function ownSqlState(error: object): string | undefined {
  // Errors of the operating system and of this library have codes as well; EPIPE and DRIFT look like an SQLSTATE.
  if ('syscall' in error || error instanceof PromoCodesError) return undefined;
  // Prisma's adapters say `originalCode`; its own codes, from P1000 on, look like an SQLSTATE as well.
  const { code, originalCode } = error as { code?: unknown; originalCode?: unknown };
  return [code, originalCode].find(
    (value): value is string =>
      typeof value === 'string' && /^[0-9A-Z]{5}$/.test(value) && !/^P[1-9]|^EPIPE$/.test(value),
  );
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
