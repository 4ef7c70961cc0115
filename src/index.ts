/**
 * Installs the triggers that keep the counters true, redeems promo codes, and finds and repairs drift.
 *
 * @module pg-promo-codes
 */
export { archivePartition } from './archive/archive-partition.js';
export { type ArchiveReport, archiveUses } from './archive/archive-uses.js';
export type { ArchiveOptions, ArchivePartitionOptions, TableRef } from './archive/options.js';
export type { Campaign } from './campaigns/campaign.js';
export type { AddedCodes, RemovedCodes } from './campaigns/campaign-codes.js';
export type {
  BatchEvent,
  DiagnosticEvent,
  DiagnosticsOptions,
  DriftEvent,
  EventError,
  InstallEvent,
  PersonalData,
  RedeemEvent,
  RedeemOutcome,
  RetryEvent,
  RollbackEvent,
  ValidateEvent,
} from './diagnostics/events.js';
export { assertNoDrift } from './drift/assert-no-drift.js';
export { checkDrift } from './drift/check-drift.js';
export type { CampaignDrift, CodeDrift, DecimalString, DriftRecord } from './drift/drift-record.js';
export { oldestDriftCheck } from './drift/oldest-drift-check.js';
export type {
  CheckDriftOptions,
  DriftFilter,
  RepairDriftOptions,
  ScrubDriftOptions,
  StreamDriftOptions,
} from './drift/options.js';
export { repairDrift } from './drift/repair-drift.js';
export { type ScrubReport, scrubDrift } from './drift/scrub-drift.js';
export { streamDrift } from './drift/stream-drift.js';
export {
  BudgetExhaustedError,
  ConnectionError,
  type ConnectionErrorCode,
  DriftError,
  DuplicateCodeError,
  HoldExpiredError,
  IdempotencyConflictError,
  InsufficientPrivilegeError,
  isPromoCodesError,
  type LockHolder,
  LockTimeoutError,
  NewerInstallationError,
  NotFoundError,
  NotInstalledError,
  OutcomeUnknownError,
  PromoCodesError,
  type PromoCodesErrorCode,
  type PromoCodesErrorDetails,
  QueueFullError,
  RateLimitedError,
  RetryableTransactionError,
  ShardsError,
  ValidationError,
  type ValidationIssue,
} from './errors.js';
export type { ErasureReport } from './history/erase-customer.js';
export type { HistoryKind, HistoryRecord } from './history/history-record.js';
export type { HistoryPruneReport } from './history/prune-history.js';
export type { HistoryPage } from './history/read-history.js';
export type {
  BonusTypeWords,
  CodeColumn,
  CodesTable,
  HostTables,
  RolledBack,
  RolledBackAt,
  RolledBackStatus,
  UseColumn,
  UsesTable,
} from './host/description.js';
export type { IdNumbers, IdSources } from './inspect/id-numbers.js';
export { type InstallationState, inspectTriggers } from './inspect/inspect-triggers.js';
export type { ObjectState } from './inspect/object-state.js';
export type { InstallOptions } from './inspect/options.js';
export type { ApartNumbers, IdOption } from './install/ids.js';
export { installSchema, type SchemaOptions } from './install/install-schema.js';
export { type InstallReport, installTriggers } from './install/install-triggers.js';
export { type IdTypes, type RenderOptions, renderSql, type SqlScript } from './install/render-sql.js';
export { type UninstallOptions, type UninstallReport, uninstallTriggers } from './install/uninstall-triggers.js';
export type { Progress, SchemaOption } from './options.js';
export type { RetryPolicy } from './postgres/attempts.js';
export type {
  ClientLike,
  ConnectionPool,
  Database,
  NotReleased,
  PooledConnection,
  Queryable,
  QueryResultLike,
} from './postgres/database.js';
export type { PromoCodeUse } from './redemption/promo-code-use.js';
export type { Redeemed, RedeemResult, RefusalReason, Refused } from './redemption/results.js';
export type { Amount } from './repository/amount-field.js';
export type { Campaigns } from './repository/campaigns.js';
export type { CodeState } from './repository/code-state.js';
export type { CodeOrder, Page } from './repository/cursor.js';
export type { Id } from './repository/fields.js';
export type { ColumnValues } from './repository/host-columns.js';
export type { ImportFault, ImportReport, ImportRows } from './repository/import-codes.js';
export type { ImportRow } from './repository/import-rows.js';
export type {
  AddCodesInput,
  AmendInput,
  CampaignInput,
  CampaignListInput,
  CampaignPatch,
  CodeTemplate,
  CreateInput,
  CustomerUsesInput,
  FollowHistoryInput,
  GenerateInput,
  HistoryInput,
  ImportInput,
  ListInput,
  PageInput,
  RedeemInput,
  RollbackDetails,
  ShopStatsInput,
  StatsInput,
  UpdateInput,
  ValidateInput,
} from './repository/input-types.js';
export type {
  BatchingOptions,
  CallOptions,
  CodeOptions,
  RateLimitOptions,
  ReadCodeOptions,
  ReadOptions,
  RepositoryOptions,
} from './repository/options.js';
export type { JsonValue, PromoCode } from './repository/promo-code.js';
export { PromoCodeRepository } from './repository/promo-code-repository.js';
export type { DayOfUsage, ShopStats, UsageStats, UsageTotals } from './repository/usage-stats.js';
export type { PruneReport, ReleaseReport, RollbackReport } from './repository/uses.js';
export type { Invalid, Valid, ValidateResult } from './repository/validate.js';
export type { ShardedCampaigns } from './shards/campaigns.js';
export type { OfShop, ShardInstallOptions, ShardMap, ShardPools, ShardsOptions } from './shards/options.js';
export type { OverShards } from './shards/over-shards.js';
export { PromoCodeShards, type ShardContext } from './shards/promo-code-shards.js';
export type { ShardsState, SharedIds } from './shards/shared-ids.js';
