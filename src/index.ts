export { assertNoDrift } from './drift/assert-no-drift.js';
export { checkDrift } from './drift/check-drift.js';
export type { DecimalString, DriftRecord } from './drift/drift-record.js';
export type { CheckDriftOptions, DriftFilter, RepairDriftOptions, StreamDriftOptions } from './drift/options.js';
export { repairDrift } from './drift/repair-drift.js';
export { streamDrift } from './drift/stream-drift.js';
export {
  DriftError,
  DuplicateCodeError,
  IdempotencyConflictError,
  InsufficientPrivilegeError,
  LockTimeoutError,
  NewerInstallationError,
  NotFoundError,
  NotInstalledError,
  OutcomeUnknownError,
  PromoCodesError,
  type PromoCodesErrorDetails,
  RateLimitedError,
  RetryableTransactionError,
  ValidationError,
  type ValidationIssue,
} from './errors.js';
export type { ObjectState } from './inspect/compare.js';
export { type InstallationState, inspectTriggers } from './inspect/inspect-triggers.js';
export type { InstallOptions } from './inspect/options.js';
export { installSchema } from './install/install-schema.js';
export { type InstallReport, installTriggers } from './install/install-triggers.js';
export { renderSql, type SqlScript } from './install/render-sql.js';
export { type UninstallOptions, type UninstallReport, uninstallTriggers } from './install/uninstall-triggers.js';
export type { Progress, SchemaOption } from './options.js';
export type { ConnectionPool, Database, PooledConnection, Queryable, QueryResultLike } from './postgres/database.js';
