import { sleep } from './timers.js';

/** A pause that grows with the attempts, with jitter so that many instances do not come back at the same moment. */
export async function pauseBeforeRetry(attempt: number): Promise<void> {
  const longest = Math.min(1_000, 50 * 2 ** attempt);
  await sleep(longest / 2 + Math.random() * (longest / 2));
}
