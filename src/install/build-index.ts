import type { HostDescription, HostTable } from '../host/description.js';
import { type Layout, tableName } from '../host/layout.js';
import { type IndexDefinition, missingIndexes } from '../inspect/indexes.js';
import type { Inspection } from '../inspect/inspect-triggers.js';
import type { ComparedObject } from '../inspect/object-state.js';
import type { Database, Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { messageOf, SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction, withConnection } from '../postgres/transaction.js';
import type { Changes } from './changes.js';
import { buildOnPartitions } from './partitioned-index.js';
import { setLockTimeout } from './short-locks.js';

/** For the session, since a concurrent build has no transaction; what was set before is put back. */
const SET_LOCK_TIMEOUT = `SELECT set_config('lock_timeout', $1, false)`;
/** Up to here an index is built in a moment. */
const SMALL_BYTES = 8 * 1024 * 1024;

/** An index that is not there, or was left behind by a build that failed. */
export interface IndexToBuild {
  table: IndexDefinition['table'];
  definition: IndexDefinition;
  object: ComparedObject;
  /** Whether `enforceLimits` asks for it, which makes it a part of the installation. */
  enforced: boolean;
}

/** What this role can build; only the owner of a table may. */
export function indexesToBuild({ catalog, choice }: Inspection, { index }: Changes): IndexToBuild[] {
  return missingIndexes(choice.layout, catalog)
    .map(({ definition, object }) => ({
      table: definition.table,
      definition,
      object,
      enforced: index?.name === object.name,
    }))
    .filter(({ table, enforced }) => enforced || catalog.tables[table]?.mine === true);
}

/** Whether all of a table, its partitions included, is small enough to be indexed under a lock. */
export async function isSmall(db: Queryable, host: HostDescription, table: HostTable): Promise<boolean> {
  const { rows } = await db.query(
    `WITH RECURSIVE parts AS (
       SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = $1::pg_catalog.name AND c.relname = $2::pg_catalog.name
       UNION ALL
       SELECT i.inhrelid FROM parts JOIN pg_catalog.pg_inherits AS i ON i.inhparent = parts.oid
     )
     SELECT (count(*) > 0::bigint AND sum(pg_catalog.pg_table_size(parts.oid)) <= $3::numeric)::text AS small FROM parts`,
    [host.schema, host[table].name, SMALL_BYTES],
  );
  return rows[0]?.small === 'true';
}

/**
 * Builds what is missing so that writers go on: concurrently, which must not be inside a transaction. In the host's own
 * transaction a small table is indexed the plain way, and a big one is left for a later call. An index that cannot be built
 * now is a warning: everything is right without it, only slower. When another instance is at it, this one goes on.
 */
export async function buildIndexes(
  db: Database,
  options: { layout: Layout; lockTimeoutMs: number },
  find: () => Promise<IndexToBuild[]>,
): Promise<{ built: string[]; warnings: string[] }> {
  const built: string[] = [];
  const warnings: string[] = [];
  for (const wanted of await find()) {
    const stillMissing = async () =>
      (await find()).find(({ definition }) => definition.name === wanted.definition.name);
    try {
      const name = await buildIndex(db, options, wanted.table, stillMissing);
      if (name) built.push(name);
    } catch (error) {
      if (wanted.enforced || !(error instanceof BuildFailed)) throw error;
      warnings.push(error.message);
    }
  }
  return { built, warnings };
}

/** Everything else of the installation stands. */
class BuildFailed extends Error {}

async function buildIndex(
  db: Database,
  { layout, lockTimeoutMs }: { layout: Layout; lockTimeoutMs: number },
  table: HostTable,
  missing: () => Promise<IndexToBuild | undefined>,
): Promise<string | undefined> {
  let inHostTransaction = false;
  try {
    // Whoever builds it holds this lock to the end, and so does VACUUM.
    await inTransaction(db, async (transaction) => {
      inHostTransaction = transaction.owner === 'host';
      await setLockTimeout(transaction, `${lockTimeoutMs}ms`);
      await transaction.query(`LOCK TABLE ${tableName(layout, table)} IN SHARE UPDATE EXCLUSIVE MODE`);
    });
    const index = await missing();
    if (!index) return undefined;
    if (inHostTransaction) return await buildInHostTransaction(db, layout, index);
    await withConnection(db, (connection) =>
      withSessionLockTimeout(connection, `${lockTimeoutMs}ms`, async () => {
        if (await isPartitioned(connection, layout, table))
          await buildOnPartitions(connection, layout, index, lockTimeoutMs);
        else for (const statement of index.object.statements) await connection.query(statement);
        await connection.query(markIndex(layout, index));
      }),
    );
    return index.object.name;
  } catch (error) {
    if (error instanceof BuildFailed) throw error;
    const left = await missing().catch(() => undefined);
    const sqlState = sqlStateOf(error);
    const isBeingBuilt = sqlState === SqlState.lockNotAvailable && left?.object.state === 'outdated';
    if (sqlState === SqlState.duplicateTable || isBeingBuilt) return undefined;
    if (sqlState === undefined || inHostTransaction) throw error;
    throw left?.enforced ? error : new BuildFailed(whyNot(left, table, messageOf(error)), { cause: error });
  }
}

function whyNot(index: IndexToBuild | undefined, table: HostTable, reason: string): string {
  return (
    `The index ${index?.object.name ?? ''} on the table of ${table} could not be built: ${reason}. Everything is counted, but redeeming ` +
    'is slower without it; the next installTriggers() tries it once more.'
  );
}

async function buildInHostTransaction(db: Database, layout: Layout, index: IndexToBuild): Promise<string | undefined> {
  return withConnection(db, async (connection) => {
    if (!(await isSmall(connection, layout, index.table))) {
      throw new BuildFailed(
        `The index ${index.object.name} on the table of ${index.table} was not built: the table is big, and inside your transaction the ` +
          'build would lock it. Call installTriggers() outside a transaction to build it while writers go on.',
      );
    }
    for (const statement of index.object.statements) await connection.query(underLock(statement));
    await connection.query(markIndex(layout, index));
    return index.object.name;
  });
}

/** By this it is known that the index is not the host's, and goes when the library is removed. */
export function markIndex({ schema }: HostDescription, { object }: Pick<IndexToBuild, 'object'>): string {
  return `COMMENT ON INDEX ${quoteIdentifier(schema)}.${quoteIdentifier(object.name)} IS 'pg-promo-codes: created by the library, see installTriggers()'`;
}

/** The same statement for a transaction, in which nothing can be built concurrently. A schema may be called anything. */
export function underLock(statement: string): string {
  return statement.replace(/^((?:CREATE|DROP) INDEX) CONCURRENTLY /, '$1 ');
}

async function isPartitioned(db: Queryable, host: HostDescription, table: HostTable): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT c.relkind::text AS kind FROM pg_catalog.pg_class AS c
       JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname = $1::pg_catalog.name AND c.relname = $2::pg_catalog.name`,
    [host.schema, host[table].name],
  );
  return rows[0]?.kind === 'p';
}

async function withSessionLockTimeout(connection: Queryable, wait: string, build: () => Promise<void>): Promise<void> {
  const { rows } = await connection.query(
    `SELECT current_setting('lock_timeout') AS earlier, pg_backend_pid() AS backend`,
  );
  const ours = hasSession(connection, rows[0]?.backend);
  if (ours) await connection.query(SET_LOCK_TIMEOUT, [wait]);
  try {
    await build();
  } finally {
    if (ours) await connection.query(SET_LOCK_TIMEOUT, [rows[0]?.earlier]).catch(() => undefined);
  }
}

/**
 * Behind a pooler of transactions a setting would be left on a connection of others. A pooler makes up the process that
 * node-postgres is given. There, the build waits without a limit for transactions that are older than it.
 */
function hasSession(connection: Queryable, backend: unknown): boolean {
  if (!('processID' in connection) || typeof connection.processID !== 'number') return true;
  return String(connection.processID) === String(backend);
}
