import { LockTimeoutError } from '../errors.js';
import { type CatalogTrigger, readCatalog } from '../inspect/catalog.js';
import { dropTrigger, isOurs } from '../inspect/compare.js';
import { triggerNames } from '../inspect/definition.js';
import { uninstallOptions } from '../inspect/options.js';
import { parseArguments, type SchemaOption } from '../options.js';
import type { Database, Queryable } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';
import { inTransaction } from '../postgres/transaction.js';
import { installationLock } from './advisory-lock.js';
import { uninstallStatements } from './render-sql.js';
import { type LockedTables, lockTables, setLockTimeout, withShortLocks } from './short-locks.js';

/** What `uninstallTriggers` did. */
export interface UninstallReport {
  /** The names of the triggers and functions that were removed. */
  removed: string[];
}

/** Options of `uninstallTriggers`. */
export interface UninstallOptions extends SchemaOption {
  /** Milliseconds that one attempt waits for a lock, at the most. Default: 5,000. */
  lockTimeoutMs?: number | undefined;
}

/**
 * Removes the triggers and functions that the library created, in one short transaction (under a load that never lets both
 * tables be locked, in one for each table). Tables, rows, counters and indexes
 * stay; from then on nothing keeps the counters true. Where nothing is installed, nothing is locked or written.
 *
 * @returns the names of what was removed.
 * @throws InsufficientPrivilegeError when this role does not own the objects; nothing was removed.
 * @throws LockTimeoutError when the tables stayed locked through all attempts.
 */
export async function uninstallTriggers(db: Database, options?: UninstallOptions): Promise<UninstallReport> {
  const { schema, lockTimeoutMs } = parseArguments(db, uninstallOptions, options, 'uninstallTriggers()');
  try {
    const installed = await installedObjects(db, schema);
    if (installed.names.length === 0) return { removed: [] };
    const remove =
      (tables: LockedTables, statementsOf: (objects: Installed) => string[]) => (waitMs: number, attempt: number) =>
        inTransaction(db, async (transaction) => {
          await installationLock(transaction, schema, lockTimeoutMs);
          await setLockTimeout(transaction, `${waitMs}ms`);
          const statements = statementsOf(await installedObjects(transaction, schema));
          await lockTables(transaction, schema, tables, attempt, 'ACCESS EXCLUSIVE');
          for (const statement of statements) await transaction.query(statement);
        });
    const everything = () => uninstallStatements(schema);
    try {
      await withShortLocks(lockTimeoutMs, 'two', remove(['promo_code_uses', 'promo_codes'], everything));
    } catch (error) {
      if (!(error instanceof LockTimeoutError)) throw error;
      // As when installing: a host that writes its tables in either order lets them be locked one by one only.
      await withShortLocks(lockTimeoutMs, 'one', remove(['promo_code_uses'], dropTriggersOnUses));
      await withShortLocks(lockTimeoutMs, 'one', remove(['promo_codes'], everything));
    }
    return { removed: installed.names };
  } catch (error) {
    throw translateError(error);
  }
}

interface Installed {
  names: string[];
  triggers: CatalogTrigger[];
}

async function installedObjects(db: Queryable, schema: string): Promise<Installed> {
  const catalog = await readCatalog(db, schema);
  const functions = catalog.functions.filter(isOurs);
  const names = new Set(functions.map(({ name }) => name));
  const triggers = catalog.triggers.filter(
    (trigger) => triggerNames.has(trigger.name) && trigger.functionSchema === schema && names.has(trigger.function),
  );
  return { names: [...new Set([...triggers, ...functions].map(({ name }) => name))], triggers };
}

function dropTriggersOnUses({ triggers }: Installed): string[] {
  return triggers.filter(({ hostTable, isClone }) => hostTable === 'promo_code_uses' && !isClone).map(dropTrigger);
}
