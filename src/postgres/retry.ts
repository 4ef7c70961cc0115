import { retryChannel } from '../diagnostics/channels.js';
import type { RetryEvent } from '../diagnostics/events.js';
import { describeError } from '../diagnostics/operation.js';
import { translateError } from './server-errors.js';
import { sleep } from './timers.js';

/**
 * A pause that grows with the attempts, with jitter so that many instances do not come back at the same moment.
 * @param failed how many attempts have failed
 */
export async function pauseBeforeRetry(attempt: number, error: unknown, failed = attempt): Promise<void> {
  const longest = Math.min(1_000, 50 * 2 ** attempt);
  const pauseMs = longest / 2 + Math.random() * (longest / 2);
  await pause(pauseMs, () => ({ attempt: failed, error: translateError(error), inDoubt: false }));
}

/** @param why is asked only where somebody listens */
export async function pause(
  pauseMs: number,
  why: () => Pick<RetryEvent, 'attempt' | 'inDoubt'> & { error: unknown },
): Promise<void> {
  if (!retryChannel.isHeard) return pauseMs > 0 ? sleep(pauseMs) : undefined;
  const { error, ...known } = why();
  const describe = () => ({ ...known, pauseMs, failure: describeError(error), durationMs: 0 });
  await retryChannel.run(describe, async () => (pauseMs > 0 ? sleep(pauseMs) : undefined));
}
