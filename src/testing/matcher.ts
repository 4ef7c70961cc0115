import type { CheckDriftOptions } from '../drift/options.js';
import { assertNoDrift, DriftError } from '../index.js';
import type { Database } from '../postgres/database.js';

/** What `expect.extend` of vitest and Jest takes from a matcher. */
export interface MatcherResult {
  /** Whether there is no drift. */
  pass: boolean;
  /** What is said when the assertion does not hold. */
  message: () => string;
}

/**
 * A matcher for `expect.extend` of vitest and Jest: the counters of all codes are true, and every trigger of the installation is
 * in order. The message of a failure is that of `assertNoDrift`: a table of the codes that differ, and each trigger that is not as
 * it should be. What is no answer, such as a database that is not reached, fails with `.not` too.
 *
 * @example
 * expect.extend({ toHaveNoDrift });
 * await expect(pool).toHaveNoDrift({ schema });
 *
 * @param db a pool, or a client inside of your transaction
 * @param options those of `checkDrift`
 * @throws NotInstalledError, ConnectionError, ValidationError and the other errors of `assertNoDrift`, but for `DriftError`
 */
export async function toHaveNoDrift(db: unknown, options?: CheckDriftOptions): Promise<MatcherResult> {
  try {
    await assertNoDrift(db as Database, options);
  } catch (error) {
    if (!(error instanceof DriftError)) throw error;
    return { pass: false, message: () => error.message };
  }
  const where = options?.schema === undefined ? 'There' : `In the schema ${options.schema} there`;
  return {
    pass: true,
    message: () => `${where} is no drift: the counters are those of the uses, and every trigger is in order.`,
  };
}

/** The matcher as `expect` has it. */
export interface PromoCodeMatchers<Result = void> {
  /**
   * Holds where the counters of all codes are true and every trigger is in order. To be awaited.
   *
   * @example
   * await expect(pool).toHaveNoDrift({ schema });
   */
  toHaveNoDrift(options?: CheckDriftOptions): Promise<Result>;
}
