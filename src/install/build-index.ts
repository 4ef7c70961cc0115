import type { ComparedObject } from '../inspect/compare.js';
import type { IndexDefinition } from '../inspect/definition.js';
import type { Database, Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction, withConnection } from '../postgres/transaction.js';
import { setLockTimeout } from './short-locks.js';

/** For the session, since a concurrent build has no transaction; what was set before is put back. */
const SET_LOCK_TIMEOUT = `SELECT set_config('lock_timeout', $1, false)`;

/**
 * Builds an index, concurrently, so that writers go on. That must not be inside a transaction,
 * so it comes before the one that creates the triggers; inside the host's own transaction, and on a partitioned table,
 * PostgreSQL builds it the plain way only. When another instance is building it and does not finish in time, this one goes
 * on without: everything is right all the same, only slower.
 *
 * @returns the name of the index, or nothing when it was not this call that built it.
 */
export async function buildIndex(
  db: Database,
  { schema, lockTimeoutMs }: { schema: string; lockTimeoutMs: number },
  table: IndexDefinition['table'],
  missing: () => Promise<ComparedObject | undefined>,
): Promise<string | undefined> {
  let inHostTransaction = false;
  try {
    // Whoever builds it holds this lock to the end, and so does VACUUM.
    await inTransaction(db, async (transaction) => {
      inHostTransaction = transaction.owner === 'host';
      await setLockTimeout(transaction, `${lockTimeoutMs}ms`);
      await transaction.query(`LOCK TABLE ${quoteIdentifier(schema)}.${table} IN SHARE UPDATE EXCLUSIVE MODE`);
    });
    const index = await missing();
    if (!index) return undefined;
    await withConnection(db, async (connection) => {
      if (inHostTransaction) {
        for (const statement of index.statements) await connection.query(statement.replace('CONCURRENTLY ', ''));
      } else {
        await withSessionLockTimeout(connection, `${lockTimeoutMs}ms`, index.statements);
      }
    });
    return index.name;
  } catch (error) {
    const isBeingBuilt = (await missing().catch(() => undefined))?.state === 'outdated';
    const sqlState = sqlStateOf(error);
    if (sqlState === SqlState.duplicateTable || (sqlState === SqlState.lockNotAvailable && isBeingBuilt))
      return undefined;
    throw error;
  }
}

async function withSessionLockTimeout(connection: Queryable, wait: string, statements: string[]): Promise<void> {
  const { rows } = await connection.query(
    `SELECT current_setting('lock_timeout') AS earlier, pg_backend_pid() AS backend`,
  );
  const ours = hasSession(connection, rows[0]?.backend);
  if (ours) await connection.query(SET_LOCK_TIMEOUT, [wait]);
  try {
    for (const statement of statements) await connection.query(statement);
  } finally {
    if (ours) await connection.query(SET_LOCK_TIMEOUT, [rows[0]?.earlier]).catch(() => undefined);
  }
}

/**
 * Behind a pooler of transactions a setting would be left on a connection of others. A pooler makes up the process that
 * node-postgres is told of. There, the build waits without a limit for transactions that are older than it.
 */
function hasSession(connection: Queryable, backend: unknown): boolean {
  if (!('processID' in connection) || typeof connection.processID !== 'number') return true;
  return String(connection.processID) === String(backend);
}
