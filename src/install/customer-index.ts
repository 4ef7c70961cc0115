import type { ObjectState } from '../inspect/compare.js';
import type { Database, Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction, withConnection } from '../postgres/transaction.js';

const WAIT = "SET lock_timeout = '5s'";

/**
 * Builds the index that `enforceLimits` needs, concurrently, so that writers go on. That must not be inside a transaction,
 * so it comes before the one that creates the triggers; inside the host's own transaction, and on a partitioned table,
 * PostgreSQL builds it the plain way only. When another instance is building it already, this one does not wait:
 * the limits hold without the index as well, only slower.
 *
 * @returns the name of the index, or nothing when it was not this call that built it.
 */
export async function buildCustomerIndex(
  db: Database,
  schema: string,
  missing: () => Promise<ObjectState | undefined>,
): Promise<string | undefined> {
  let inHostTransaction = false;
  try {
    await inTransaction(db, async (transaction) => {
      inHostTransaction = transaction.owner === 'host';
      await transaction.query(
        `LOCK TABLE ${quoteIdentifier(schema)}.promo_code_uses IN SHARE UPDATE EXCLUSIVE MODE NOWAIT`,
      );
    });
    const index = await missing();
    if (!index?.fix) return undefined;
    const statements = index.fix.split('\n');
    await withConnection(db, async (connection) => {
      if (inHostTransaction) {
        for (const statement of statements) await connection.query(statement.replace('CONCURRENTLY ', ''));
      } else {
        await withSessionLockTimeout(connection, statements);
      }
    });
    return index.name;
  } catch (error) {
    const sqlState = sqlStateOf(error);
    if (sqlState === SqlState.lockNotAvailable || sqlState === SqlState.duplicateTable) return undefined;
    throw error;
  }
}

async function withSessionLockTimeout(connection: Queryable, statements: string[]): Promise<void> {
  await connection.query(WAIT);
  try {
    for (const statement of statements) await connection.query(statement);
  } finally {
    await connection.query('RESET lock_timeout');
  }
}
