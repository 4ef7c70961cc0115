import type { ComparedObject } from '../inspect/compare.js';
import type { Database, Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction, withConnection } from '../postgres/transaction.js';

const WAIT = '5s';
/** For the session, since a concurrent build has no transaction; what was set before is put back. */
const SET_LOCK_TIMEOUT = `SELECT set_config('lock_timeout', $1, false)`;

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
  missing: () => Promise<ComparedObject | undefined>,
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
    if (!index) return undefined;
    const { statements } = index;
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
  const { rows } = await connection.query(`SELECT current_setting('lock_timeout') AS earlier`);
  await connection.query(SET_LOCK_TIMEOUT, [WAIT]);
  try {
    for (const statement of statements) await connection.query(statement);
  } finally {
    await connection.query(SET_LOCK_TIMEOUT, [rows[0]?.earlier]).catch(() => undefined);
  }
}
