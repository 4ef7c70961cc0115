import type { PromoCodesErrorCode } from '../errors.js';
import type { RedeemResult, RefusalReason } from '../redemption/results.js';
import type { RedeemInput, ValidateInput } from '../repository/input-types.js';
import type { RollbackReport } from '../repository/uses.js';
import type { ValidateResult } from '../repository/validate.js';

/** How something failed. The message is not here, since it may quote a row. */
export interface EventError {
  /** The code of the error. */
  code: PromoCodesErrorCode;
  /** The SQLSTATE that PostgreSQL gave, where there is one. */
  sqlState?: string;
}

/** What the events of all channels have. One object is published from the start to the end, and filled in meanwhile. */
export interface DiagnosticEvent {
  /** The database among those of a `PromoCodeShards`; `undefined` elsewhere. */
  shard?: string | undefined;
  /** Milliseconds from the start to the end; 0 until then. */
  durationMs: number;
  /** How it failed, where it did. */
  error?: EventError;
}

/**
 * What a call was given and what it came to: codes, customers, keys, amounts. Events have it only with the option
 * `diagnostics: { personalData: true }` of the repository. The objects are the caller's own: do not change them.
 */
export interface PersonalData<Input, Result> {
  /** The argument as the caller gave it, before it was checked. */
  input: Input;
  /** The answer, at the end. */
  result?: Result;
  /** What was thrown, with its message and its cause, which may quote a row. */
  error?: unknown;
}

/**
 * What a redemption came to: it was recorded, it had been by an earlier call with the same key, it was refused, or it failed.
 * Names of errors are in capitals, those of refusals are not.
 */
export type RedeemOutcome = 'redeemed' | 'replayed' | RefusalReason | PromoCodesErrorCode;

/**
 * The event of `pg-promo-codes:redeem`: a call of `redeem`, `reserve` or `redeemMany`, in the asynchronous context of its
 * caller.
 *
 * @example
 * subscribe('pg-promo-codes:redeem', (event) => {
 *   const { outcomes, waitedMs, durationMs } = event as RedeemEvent;
 *   log.info({ outcomes, waitedMs, durationMs }); // { outcomes: { redeemed: 1 }, waitedMs: 0.2, durationMs: 1.4 }
 * });
 */
export interface RedeemEvent extends DiagnosticEvent {
  /** Which method was called. */
  method: 'redeem' | 'reserve' | 'redeemMany';
  /** The schema of the host's tables; `undefined` until it is known. */
  schema: string | undefined;
  /** The shop of the requests, once they were checked; `undefined` for requests of several shops. */
  shopId: string | undefined;
  /**
   * The campaign of the code, once the server has answered; `undefined` where it is in none, or its codes are of several, or the
   * code is not told (`uniformRefusals`).
   */
  campaignId: string | undefined;
  /** How many redemptions the call asked for, once they were checked; 1 before. */
  size: number;
  /** Whether it ran on a client of the host, as a part of its transaction; `false` until the arguments were checked. */
  inTransaction: boolean;
  /** How many of the redemptions came to what; empty until the end. With `uniformRefusals` these are the reasons that are shown. */
  outcomes: Partial<Record<RedeemOutcome, number>>;
  /** How many redemptions, those of other callers included, the last statement held that it was sent with; 0 until then. */
  batchSize: number;
  /** How often it was sent to the server; 0 for what was refused before. */
  attempts: number;
  /** Milliseconds until it was first sent: in the queue, for a connection, for the limiter. */
  waitedMs: number;
  /** Only with `diagnostics: { personalData: true }`. */
  personal?: PersonalData<RedeemInput | readonly RedeemInput[], RedeemResult | RedeemResult[]>;
}

/**
 * The event of `pg-promo-codes:batch`: a statement with the redemptions of one or several callers, its retries included. It
 * is published in the asynchronous context in which the repository was made; with `batching.partitionBy` in that of one of
 * the callers.
 *
 * @example
 * subscribe('pg-promo-codes:batch', (event) => sizes.observe((event as BatchEvent).size));
 */
export interface BatchEvent extends DiagnosticEvent {
  /** The schema of the host's tables. */
  schema: string;
  /** How many redemptions the statement held. */
  size: number;
  /** Of how many codes. */
  codes: number;
  /** How many callers wait meanwhile for a statement of theirs: the length of the queue at the start, then at the end. */
  waiting: number;
}

/**
 * The event of `pg-promo-codes:validate`: a call of `validate`, in the asynchronous context of its caller.
 *
 * @example
 * subscribe('pg-promo-codes:validate', (event) => previews.inc({ outcome: (event as ValidateEvent).outcome }));
 */
export interface ValidateEvent extends DiagnosticEvent {
  /** The schema of the host's tables; `undefined` until it is known. */
  schema: string | undefined;
  /** The shop of the request, once it was checked. */
  shopId: string | undefined;
  /** The campaign of a code that could be redeemed. */
  campaignId: string | undefined;
  /** As in a `RedeemEvent`. */
  inTransaction: boolean;
  /** What it came to; `undefined` until the end. */
  outcome: 'valid' | RefusalReason | PromoCodesErrorCode | undefined;
  /** How many previews, those of other callers included, the last statement held that it was sent with; 0 until then. */
  batchSize: number;
  /** How often it was sent to the server; 0 for what was refused before. */
  attempts: number;
  /** Milliseconds until it was first sent: behind other previews, for a connection, for the limiter. */
  waitedMs: number;
  /** Only with `diagnostics: { personalData: true }`. */
  personal?: PersonalData<ValidateInput, ValidateResult>;
}

/**
 * The event of `pg-promo-codes:rollback`: a call of `rollbackUse`, in the asynchronous context of its caller.
 *
 * @example
 * subscribe('pg-promo-codes:rollback', (event) => rollbacks.inc({ outcome: (event as RollbackEvent).outcome }));
 */
export interface RollbackEvent extends DiagnosticEvent {
  /** The schema of the host's tables; `undefined` until it is known. */
  schema: string | undefined;
  /** As in a `RedeemEvent`. */
  inTransaction: boolean;
  /** What it came to, `'not_found'` where there was no such use any more; `undefined` until the end. */
  outcome: 'rolled_back' | 'not_found' | PromoCodesErrorCode | undefined;
  /** Only with `diagnostics: { personalData: true }`. */
  personal?: PersonalData<string | number | bigint, RollbackReport>;
}

/**
 * The event of `pg-promo-codes:install`: a call of `installTriggers`, `installSchema` or `uninstallTriggers`. One that found
 * everything in place has `changed: false`.
 *
 * @example
 * subscribe('pg-promo-codes:install', (event) => {
 *   const { method, changed, created, replaced } = event as InstallEvent;
 *   if (changed) log.warn({ method, created, replaced });
 * });
 */
export interface InstallEvent extends DiagnosticEvent {
  /** Which function was called. */
  method: 'installTriggers' | 'installSchema' | 'uninstallTriggers';
  /** The schema of the host's tables; `undefined` until it is known. */
  schema: string | undefined;
  /** Whether it was asked what would be done. */
  dryRun: boolean;
  /** Whether anything in the database was changed; with `dryRun`, would be. */
  changed: boolean;
  /** Names of functions, triggers, indexes, tables and columns that were missing. */
  created: readonly string[];
  /** Names of those that were outdated. */
  replaced: readonly string[];
  /** Names of those that `uninstallTriggers` removed. */
  removed: readonly string[];
  /** Unknown triggers that write the counters too, which makes drift. */
  foreign: readonly string[];
  /** How many codes had drifted and were corrected. */
  repaired: number;
  /** How many warnings the report has. */
  warnings: number;
}

/**
 * The event of `pg-promo-codes:drift`: a call of `checkDrift` (that of `assertNoDrift` included), `streamDrift`, `scrubDrift`
 * or `repairDrift` (that of an installation included).
 *
 * @example
 * subscribe('pg-promo-codes:drift', (event) => {
 *   const { isPartial, drifted, repaired, error } = event as DriftEvent;
 *   if (!isPartial && !error) gauge.set(drifted - repaired);
 * });
 */
export interface DriftEvent extends DiagnosticEvent {
  /** Which function was called. */
  method: 'checkDrift' | 'streamDrift' | 'scrubDrift' | 'repairDrift';
  /** The schema of the host's tables; `undefined` until it is known. */
  schema: string | undefined;
  /**
   * Whether not all codes were looked at: some were asked for, a `limit` was given, or the loop was left early. Of a scrub, whether it
   * was ended before the walk was over: at its end `drifted` is what differs of the whole walk, and `codes` what this call looked at.
   */
  isPartial: boolean;
  /** How many codes were looked at. */
  codes: number;
  /** How many differed from their uses, ids that have uses but no code included. */
  drifted: number;
  /** How many of these were corrected. */
  repaired: number;
  /** Of a scrub that has come to its end: what its report says. */
  oldestCheck?: Date | null;
}

/**
 * The event of `pg-promo-codes:retry`: the pause before a transaction of the library's own is run again, from its beginning
 * to its end. It is published in the context of what is retried: of the call, or of the batch.
 *
 * @example
 * subscribe('pg-promo-codes:retry', (event) => retries.inc({ code: (event as RetryEvent).failure.code }));
 */
export interface RetryEvent extends DiagnosticEvent {
  /** How many attempts have failed. */
  attempt: number;
  /** How long the pause is, in milliseconds; 0 for a retry at once. */
  pauseMs: number;
  /** Why the last attempt failed. */
  failure: EventError;
  /** Whether an attempt may have had its effect, which the next one finds out. */
  inDoubt: boolean;
}

/**
 * What a repository publishes on the channels of `node:diagnostics_channel`.
 *
 * @example
 * new PromoCodeRepository(pool, { diagnostics: { personalData: true } }); // events say which code, and whose
 */
export interface DiagnosticsOptions {
  /**
   * Whether events of calls carry what the call was given and what it came to, as `personal`: codes, customers, keys and
   * messages of the server. Default: `false`; a subscriber then learns no more than the shop, numbers and outcomes.
   */
  personalData?: boolean | undefined;
}
