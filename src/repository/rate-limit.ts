import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimitedError } from '../errors.js';
import { type Database, isPool } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';

/** Counts failed attempts by key, in a table that all instances share. */
export interface Limiter {
  /** @throws RateLimitedError when the key has no attempt left */
  before(key: string): Promise<void>;
  /** Counts a failure. @throws RateLimitedError instead of the answer when it was one too many */
  failed(key: string): Promise<void>;
}

/**
 * It works on a connection of its own, outside of the host's transaction: a failure counts also when that rolls back.
 */
export function createLimiter(db: Database, schema: string, failures: number, windowSeconds: number): Limiter {
  const limiter = new RateLimiterPostgres({
    // Without the names of its statements, which poolers of transactions do not support.
    storeClient: {
      query: ({ text, values }: { text: string; values: unknown[] }) => db.query(text, values),
    },
    storeType: isPool(db) ? 'pool' : 'client',
    schemaName: schema.replaceAll('"', '""'),
    tableName: 'promo_code_rate_limits',
    tableCreated: true,
    keyPrefix: '',
    points: failures,
    duration: windowSeconds,
  });
  return {
    async before(key) {
      const found = await limiter.get(key).catch((error: unknown) => {
        throw translateError(error);
      });
      if (found && found.consumedPoints >= failures) throw limited(found.msBeforeNext);
    },
    async failed(key) {
      try {
        await limiter.consume(key);
      } catch (error) {
        if (error instanceof RateLimiterRes) throw limited(error.msBeforeNext);
        throw translateError(error);
      }
    },
  };
}

function limited(milliseconds: number): RateLimitedError {
  const retryAfterMs = Math.max(1, Math.ceil(milliseconds));
  return new RateLimitedError(
    `Too many failed attempts; try again in ${Math.ceil(retryAfterMs / 1_000)} s.`,
    retryAfterMs,
  );
}
