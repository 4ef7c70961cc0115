import * as v from 'valibot';
import type { InstallationOptions } from '../host/installation.js';
import { type HostOptions, hostEntries } from '../host/options.js';
import {
  oneOf,
  optionsOf,
  type Progress,
  progressCallback,
  type SchemaOption,
  schemaEntries,
  trueOrFalse,
  wholeNumber,
} from '../options.js';

/** Options of `installTriggers` and `installSchema`. */
export interface InstallOptions extends SchemaOption, HostOptions {
  /**
   * `'statement'` counts once per statement, `'row'` once per row; `'auto'` (the default) takes statement triggers, on a
   * partitioned `promo_code_uses` for each partition, and row triggers for one that is itself a partition or an inheritance
   * child, whose parent may be written, and where a partition is a foreign table. Partitions that come after the
   * installation are counted by row until the next one.
   */
  granularity?: 'auto' | 'statement' | 'row' | undefined;
  /**
   * What happens when something other than the triggers writes `times_used` or `total_bonus_issued`: `'ignore'` (the
   * default) keeps the true values and raises one `WARNING` (SQLSTATE `01000`) for the statement, so that an application
   * that still counts by itself is right from the first moment; `'allow'` lets it write, as in the seed; `'reject'` raises
   * SQLSTATE `PC001`.
   */
  counterWrites?: 'ignore' | 'allow' | 'reject' | undefined;
  /**
   * Whether a use beyond `total_usage_limit` (SQLSTATE `PC002`) or `per_customer_limit` (`PC003`), and a bonus beyond
   * `max_total_bonus` (`PC009`), is refused by a trigger, also for hand-written SQL; so is what is beyond the same limits of a campaign
   * (`PC010`, `PC011`, `PC012`). Default: `false`. Totals are judged by the
   * counters, so do not combine it with `counterWrites: 'allow'` where others might write these. On tables without a suitable index one is built, concurrently.
   */
  enforceLimits?: boolean | undefined;
  /**
   * Whether triggers record, in the transaction of whoever writes, what happens to every use: see `repository.history()`.
   * `false` stops it and keeps the record. Default: `false`.
   */
  history?: boolean | undefined;
  /** `'online'` (default) recounts drifted codes one by one; `'none'` leaves that to the next call with `'online'`. */
  reconcile?: 'online' | 'none' | undefined;
  /**
   * Milliseconds that one attempt waits for a lock, at the most; default 5,000. The first attempts wait much shorter,
   * because writers queue up behind a waiting DDL statement.
   */
  lockTimeoutMs?: number | undefined;
  /** Only report what would change and which counters would be corrected; writes nothing and takes no lock. Default: `false`. */
  dryRun?: boolean | undefined;
  /** Called during the reconciliation. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

const triggerEntries = {
  ...schemaEntries,
  ...hostEntries,
  granularity: v.optional(oneOf(['auto', 'statement', 'row'])),
  counterWrites: v.optional(oneOf(['ignore', 'allow', 'reject'])),
  enforceLimits: v.optional(trueOrFalse),
  history: v.optional(trueOrFalse),
};

const installEntries = {
  reconcile: v.optional(oneOf(['online', 'none']), 'online'),
  lockTimeoutMs: v.optional(wholeNumber(1, 600_000), 5_000),
  dryRun: v.optional(trueOrFalse, false),
  onProgress: progressCallback,
};

export const installOptions = v.optional(optionsOf({ ...triggerEntries, ...installEntries }), {});
export type ParsedInstallOptions = v.InferOutput<typeof installOptions>;
export const uninstallOptions = v.optional(
  optionsOf({ ...schemaEntries, lockTimeoutMs: installEntries.lockTimeoutMs }),
  {},
);

/** What decides how an installation counts, as far as it is given. */
export type ChosenOptions = { [Name in keyof InstallationOptions]?: InstallationOptions[Name] | undefined };

/** A first installation has a default for what is left out; later it is as installed. */
export function withDefaults(given: ChosenOptions, installed: ChosenOptions = {}): InstallationOptions {
  return {
    granularity: given.granularity ?? installed.granularity ?? 'auto',
    counterWrites: given.counterWrites ?? installed.counterWrites ?? 'ignore',
    enforceLimits: given.enforceLimits ?? installed.enforceLimits ?? false,
    history: given.history ?? installed.history ?? false,
    grantTo: [...(given.grantTo ?? installed.grantTo ?? [])].sort(),
  };
}
