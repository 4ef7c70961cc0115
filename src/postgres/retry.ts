import { retryChannel } from '../diagnostics/channels.js';
import type { RetryEvent } from '../diagnostics/events.js';
import { describeError } from '../diagnostics/operation.js';
import { translateError } from './server-errors.js';
import { sleep } from './timers.js';

/** What the subscribers of `pg-promo-codes:retry` learn of a retry. */
interface Reason extends Pick<RetryEvent, 'attempt' | 'inDoubt'> {
  /** The database among several that it happened on. */
  shard?: string | undefined;
  /** Of the attempt that failed. */
  error: unknown;
  /** It came to no connection. */
  connecting?: boolean;
}

/**
 * A pause that grows with the attempts, with jitter so that many instances do not come back at the same moment.
 * @param failed how many attempts have failed
 */
export function pauseBeforeRetry(attempt: number, error: unknown, failed = attempt, shard?: string): Promise<void> {
  const longest = Math.min(1_000, 50 * 2 ** attempt);
  return pause(longest / 2 + Math.random() * (longest / 2), () => ({ attempt: failed, error, inDoubt: false, shard }));
}

/** @param why is asked only where somebody listens */
export async function pause(pauseMs: number, why: () => Reason): Promise<void> {
  const wait = async () => (pauseMs > 0 ? sleep(pauseMs) : undefined);
  await retryChannel.run(() => ({ ...describe(why()), pauseMs, durationMs: 0 }), wait);
}

/** A conflict has the code that it has where the host has to run its transaction again. */
function describe(reason: Reason): Omit<RetryEvent, 'pauseMs' | 'durationMs'> {
  const { attempt, inDoubt, error, connecting = false, shard } = reason;
  return { shard, attempt, inDoubt, failure: describeError(translateError(error, { connecting, hosted: true })) };
}
