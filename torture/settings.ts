/** The designs that the same campaign can be run against. */
export const designNames = ['library', 'five-round-trips', 'application-counters'] as const;
export type DesignName = (typeof designNames)[number];

/** What a campaign is run with. */
export interface Settings {
  seed: number;
  /** How long faults are injected, in milliseconds; what comes before and after is added. */
  durationMs: number;
  design: DesignName;
  /** Client processes. */
  processes: number;
  /** Callers in each of them. */
  callers: number;
  /** A server that is there already; without it one is started, with a standby. */
  url: string | undefined;
}

/**
 * The options of the library under test. Short waits make many attempts, which is where calls get lost.
 *
 * `deadlineMs` and `attemptTimeoutMs` are passed when `WITH_DEADLINES` is on; without them the contract's ten seconds are
 * what a call is measured against.
 */
const WITH_DEADLINES = true;
const LOCK_TIMEOUT_MS = 1_000;
export const libraryOptions: { lockTimeoutMs: number; deadlineMs?: number; attemptTimeoutMs?: number } = WITH_DEADLINES
  ? { lockTimeoutMs: LOCK_TIMEOUT_MS, deadlineMs: 10_000, attemptTimeoutMs: 1_500 }
  : { lockTimeoutMs: LOCK_TIMEOUT_MS };

/** In which time a call has to be settled, whatever happens. */
export const DEADLINE_MS = libraryOptions.deadlineMs ?? 10_000;
/** How long a host lets one of its own transactions take before it closes the connection. */
export const HOST_LIMIT_MS = 4_000;
/** What a busy machine may add to a deadline. */
export const SLACK_MS = 3_000;
/** In which time each process has to redeem after the last fault. */
export const RECOVERY_MS = 2_000;

/** The phases around the faults, in milliseconds. */
export const WARM_UP_MS = 1_500;
export const CALM_MS = 4_000;

/** How the role of the clients and the schema are called. */
export const ROLE = 'torture_app';
