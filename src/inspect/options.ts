import * as v from 'valibot';
import {
  oneOf,
  optionsOf,
  type Progress,
  progressCallback,
  type SchemaOption,
  schemaName,
  trueOrFalse,
  wholeNumber,
} from '../options.js';

/** Which triggers there are. The options describe the whole state: one that is left out has its default. */
export interface TriggerOptions {
  granularity: 'auto' | 'statement' | 'row';
  counterWrites: 'allow' | 'ignore' | 'reject';
  enforceLimits: boolean;
}

/** The same before defaults are filled in. */
export type ChosenTriggerOptions = { [Name in keyof TriggerOptions]?: TriggerOptions[Name] | undefined };

/** Options of `installTriggers` and `installSchema`. */
export interface InstallOptions extends SchemaOption {
  /**
   * `'statement'` counts once per statement, `'row'` once per row; `'auto'` (the default) takes statement triggers, and row
   * triggers for a partitioned `promo_code_uses`, whose partitions may be written directly.
   */
  granularity?: 'auto' | 'statement' | 'row' | undefined;
  /**
   * What happens when something other than the triggers writes `times_used` or `total_bonus_issued`: `'allow'` lets it
   * (the default, as in the seed), `'ignore'` silently keeps the true values, `'reject'` raises SQLSTATE `PC001`.
   */
  counterWrites?: 'allow' | 'ignore' | 'reject' | undefined;
  /**
   * Whether a use beyond `total_usage_limit` (SQLSTATE `PC002`) or `per_customer_limit` (`PC003`) is refused by a trigger,
   * also for hand-written SQL. Default: `false`. The total is judged by `times_used`, so combine it with `counterWrites`
   * `'ignore'` or `'reject'` where others might write that. On tables without a suitable index one is built, concurrently.
   */
  enforceLimits?: boolean | undefined;
  /** `'online'` (default) recounts drifted codes one by one; `'none'` leaves that to the next call with `'online'`. */
  reconcile?: 'online' | 'none' | undefined;
  /**
   * Milliseconds that one attempt waits for a lock, at the most; default 5,000. The first attempts wait much shorter,
   * because writers queue up behind a waiting DDL statement.
   */
  lockTimeoutMs?: number | undefined;
  /** Called during the reconciliation. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

const triggerEntries = {
  schema: schemaName,
  granularity: v.optional(oneOf(['auto', 'statement', 'row'])),
  counterWrites: v.optional(oneOf(['allow', 'ignore', 'reject'])),
  enforceLimits: v.optional(trueOrFalse),
};

const installEntries = {
  reconcile: v.optional(oneOf(['online', 'none']), 'online'),
  lockTimeoutMs: v.optional(wholeNumber(1, 600_000), 5_000),
  onProgress: progressCallback,
};

export const installOptions = v.optional(optionsOf({ ...triggerEntries, ...installEntries }), {});
export type ParsedInstallOptions = v.InferOutput<typeof installOptions>;
export const uninstallOptions = v.optional(
  optionsOf({ schema: schemaName, lockTimeoutMs: installEntries.lockTimeoutMs }),
  {},
);

export function withTriggerDefaults(options: ChosenTriggerOptions): TriggerOptions {
  const { granularity = 'auto', counterWrites = 'allow', enforceLimits = false } = options;
  return { granularity, counterWrites, enforceLimits };
}
