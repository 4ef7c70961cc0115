import { readCatalog } from '../inspect/catalog.js';
import { functionNames, triggerNames } from '../inspect/definition.js';
import { uninstallOptions } from '../inspect/options.js';
import { parseOptions, type SchemaOption } from '../options.js';
import type { Database } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';
import { inTransaction } from '../postgres/transaction.js';
import { installationLock } from './advisory-lock.js';
import { renderSql } from './render-sql.js';
import { lockTables, setLockTimeout, withShortLocks } from './short-locks.js';

/** What `uninstallTriggers` did. */
export interface UninstallReport {
  /** The names of the triggers and functions that were removed. */
  removed: string[];
}

/** Options of `uninstallTriggers`. */
export interface UninstallOptions extends SchemaOption {
  /** Milliseconds that one attempt waits for a lock, at the most. Default: 5,000. */
  lockTimeoutMs?: number;
}

/**
 * Removes the triggers and functions that the library created, in one short transaction. Tables, rows, counters and indexes
 * stay; from then on nothing keeps the counters true. Where nothing is installed, nothing is locked or written.
 *
 * @returns the names of what was removed.
 * @throws InsufficientPrivilegeError when this role does not own the objects; nothing was removed.
 * @throws LockTimeoutError when the tables stayed locked through all attempts.
 */
export async function uninstallTriggers(db: Database, options?: UninstallOptions): Promise<UninstallReport> {
  const { schema, lockTimeoutMs } = parseOptions(uninstallOptions, options);
  const installed = async (connection: Pick<Database, 'query'>) => {
    const { functions, triggers } = await readCatalog(connection, schema);
    const ours = triggers.filter(
      (trigger) =>
        triggerNames.has(trigger.name) && trigger.functionSchema === schema && functionNames.has(trigger.function),
    );
    return [...ours, ...functions.filter(({ name }) => functionNames.has(name))].map(({ name }) => name);
  };
  try {
    if ((await installed(db)).length === 0) return { removed: [] };
    return await withShortLocks(lockTimeoutMs, 'two', (waitMs, attempt) =>
      inTransaction(db, async (transaction) => {
        await setLockTimeout(transaction, `${waitMs}ms`);
        await installationLock(transaction, schema);
        const removed = await installed(transaction);
        await lockTables(transaction, schema, ['promo_code_uses', 'promo_codes'], attempt, 'ACCESS EXCLUSIVE');
        await transaction.query(renderSql('uninstall', { schema }));
        return { removed: [...new Set(removed)] };
      }),
    );
  } catch (error) {
    throw translateError(error);
  }
}
