/** What a soak is run with. */
export interface Settings {
  /** How long callers are at work, in milliseconds. */
  durationMs: number;
  /** Callers, all in this process. */
  callers: number;
  /** A server that is there already; without it one is started. */
  url: string | undefined;
}

/** Codes, of which the first is asked for by half of the redemptions. */
export const CODES = 5_000;
export const SHOP = 'shop';
/** Uses that are kept: older ones are deleted by SQL, as the nightly job of a host does. */
export const KEPT_USES = 10_000;
/** How long holds last. Some of them are never confirmed. */
export const HOLD_SECONDS = 1;
/** The connections of the callers. */
export const CONNECTIONS = 10;

/** So many samples are taken, but none within this time after the last. */
const SAMPLES = 60;
const SHORTEST_INTERVAL_MS = 500;

export function sampleEveryMs({ durationMs }: Pick<Settings, 'durationMs'>): number {
  return Math.max(SHORTEST_INTERVAL_MS, durationMs / SAMPLES);
}
