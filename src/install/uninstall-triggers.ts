import { LockTimeoutError } from '../errors.js';
import type { HostTable } from '../host/description.js';
import type { Layout } from '../host/layout.js';
import { type CatalogTrigger, readCatalog } from '../inspect/catalog.js';
import { dropTrigger, hasFormerLayout } from '../inspect/compare.js';
import { chooseInstallation } from '../inspect/installation.js';
import { revisionOf } from '../inspect/marks.js';
import { uninstallOptions } from '../inspect/options.js';
import { parseArguments, type SchemaOption } from '../options.js';
import type { Database, Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { translateError } from '../postgres/server-errors.js';
import { inTransaction } from '../postgres/transaction.js';
import { installationLock } from './advisory-lock.js';
import { type InstallTrace, noteTables, observeInstallation } from './observed.js';
import { type LockedTables, lockTables, setLockTimeout, withShortLocks } from './short-locks.js';
import { uninstallScript } from './uninstall-script.js';

/** What `uninstallTriggers` did. */
export interface UninstallReport {
  /** The names of the triggers, functions, tables and indexes that were removed, and of the schema. */
  removed: string[];
}

/** Options of `uninstallTriggers`. */
export interface UninstallOptions extends SchemaOption {
  /** Milliseconds that one attempt waits for a lock, at the most. Default: 5,000. */
  lockTimeoutMs?: number | undefined;
}

/**
 * Removes what the library created: the triggers, the indexes that it built, and its schema with the functions and with what
 * is remembered of idempotency keys and holds, the campaigns, and what archived uses count: a later installation counts rows alone. Where the host has put something of its own into that schema, the schema stays
 * with it. It is one short transaction (under a load that never lets both tables be locked, one for each table). The host's
 * tables, rows and counters stay; from then on nothing keeps the counters true. Where nothing is installed, nothing is locked or
 * written.
 *
 * @returns the names of what was removed.
 * @throws InsufficientPrivilegeError when this role does not own the objects; nothing was removed.
 * @throws LockTimeoutError when the tables stayed locked through all attempts.
 * @throws ValidationError for an unknown option or value, and where several installations may be meant.
 */
export function uninstallTriggers(db: Database, options?: UninstallOptions): Promise<UninstallReport> {
  return observeInstallation('uninstallTriggers', (trace) => removeTriggers(db, options, trace));
}

async function removeTriggers(
  db: Database,
  options: UninstallOptions | undefined,
  trace: InstallTrace | undefined,
): Promise<UninstallReport> {
  const { lockTimeoutMs, ...asked } = parseArguments(db, uninstallOptions, options, 'uninstallTriggers()');
  try {
    const installed = await installedObjects(db, asked);
    if (trace && installed) noteTables(trace, installed.layout);
    if (!installed || installed.names.length === 0) return { removed: [] };
    const remove =
      (tables: LockedTables, statementsFor: (objects: Installed) => string[]) => (waitMs: number, attempt: number) =>
        inTransaction(db, async (transaction) => {
          await installationLock(transaction, installed.layout.librarySchema, lockTimeoutMs);
          await setLockTimeout(transaction, `${waitMs}ms`);
          const now = await installedObjects(transaction, asked);
          if (!now) return { keepsSchema: false };
          const present = tables.filter((table) => now.tables.includes(table));
          await lockTables(transaction, now.layout, present, attempt, 'ACCESS EXCLUSIVE');
          for (const statement of statementsFor(now)) await transaction.query(statement);
          const { rows } = await transaction.query('SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = $1', [
            now.layout.librarySchema,
          ]);
          return { keepsSchema: rows.length > 0 };
        });
    const everything = ({ layout }: Installed) => [uninstallScript(layout)];
    let done: { keepsSchema: boolean };
    try {
      done = await withShortLocks(lockTimeoutMs, 'two', remove(['uses', 'codes'], everything));
    } catch (error) {
      if (!(error instanceof LockTimeoutError)) throw error;
      // As when installing: a host that writes its tables in either order lets them be locked one by one only.
      await withShortLocks(lockTimeoutMs, 'one', remove(['uses'], dropOnUses));
      done = await withShortLocks(lockTimeoutMs, 'one', remove(['codes'], everything));
    }
    return { removed: [...installed.names, ...(done.keepsSchema ? [] : [installed.layout.librarySchema])] };
  } catch (error) {
    throw translateError(error);
  }
}

interface Installed {
  layout: Layout;
  tables: HostTable[];
  names: string[];
  triggers: CatalogTrigger[];
  indexesOfUses: string[];
}

/** Nothing where the library schema that is asked for is not there: the tables may be those of another installation. */
async function installedObjects(db: Queryable, asked: SchemaOption): Promise<Installed | undefined> {
  const catalog = await readCatalog(db, asked);
  if (asked.librarySchema !== undefined && catalog.library === null) return undefined;
  const { layout } = chooseInstallation(asked, catalog);
  const isOfLibrary = hasFormerLayout(layout)
    ? (schema: string) => [layout.librarySchema, layout.schema].includes(schema)
    : (schema: string) => schema === layout.librarySchema;
  const functions = catalog.functions.filter((found) => isOfLibrary(found.schema) && revisionOf(found) > 0);
  const triggers = catalog.triggers.filter(
    ({ functionSchema, functionSource }) => isOfLibrary(functionSchema) && revisionOf({ source: functionSource }) > 0,
  );
  const tables = catalog.ownTables.filter(({ schema, ours }) => isOfLibrary(schema) && ours);
  const indexes = catalog.indexes.filter(({ mine }) => mine);
  const names = [...triggers, ...functions, ...tables, ...indexes].map(({ name }) => name);
  return {
    layout,
    tables: (['uses', 'codes'] as const).filter((table) => catalog.tables[table] !== undefined),
    names: [...new Set(names)],
    triggers,
    indexesOfUses: indexes.filter(({ part }) => part === 'uses').map(({ name }) => name),
  };
}

/** All that takes a lock on the uses, which the rest then does without. */
function dropOnUses({ layout, triggers, indexesOfUses }: Installed): string[] {
  const schema = quoteIdentifier(layout.schema);
  return [
    ...triggers.filter(({ part, isClone }) => part === 'uses' && !isClone).map(dropTrigger),
    ...indexesOfUses.map((name) => `DROP INDEX ${schema}.${quoteIdentifier(name)};`),
  ];
}
