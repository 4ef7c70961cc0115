import { type Database, isPool, type QueryResultLike } from './database.js';
import { faultOf } from './faults.js';
import { pauseBeforeRetry } from './retry.js';
import { withConnection } from './transaction.js';

/** How often a statement is sent at the most. */
const ATTEMPTS = 3;

/**
 * Runs a statement that only reads, however long it takes. A standby cancels it where it has to replay what the statement still
 * looks at ("canceling statement due to conflict with recovery"); on a pool it is then sent once more.
 */
export async function readLong(
  db: Database,
  statement: string,
  values: unknown[],
  // biome-ignore lint/suspicious/noExplicitAny: what a row holds is known to the statement.
): Promise<QueryResultLike<any>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await withConnection(db, (connection) => connection.query(statement, values));
    } catch (error) {
      if (!isPool(db) || faultOf(error) !== 'conflict' || attempt === ATTEMPTS) throw error;
      await pauseBeforeRetry(attempt, error);
    }
  }
}
