import giveToOwnerSql from '../../sql/give-to-owner.sql';
import { findDrift } from '../drift/check-drift.js';
import type { DriftRecord } from '../drift/drift-record.js';
import { isCountable, repairDrift, uncountable } from '../drift/repair-drift.js';
import { LockTimeoutError, NewerInstallationError, PromoCodesError } from '../errors.js';
import { type Catalog, readCatalog } from '../inspect/catalog.js';
import { missingIndexes } from '../inspect/compare.js';
import { SQL_REVISION } from '../inspect/definition.js';
import { decimalsOfTotal } from '../inspect/host-tables.js';
import { type Inspection, inspectWith, isMarkedPending, PENDING_MARK } from '../inspect/inspect-triggers.js';
import {
  type InstallOptions,
  installOptions,
  type ParsedInstallOptions,
  withTriggerDefaults,
} from '../inspect/options.js';
import { parseArguments } from '../options.js';
import { type Database, isPool, type Queryable } from '../postgres/database.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/identifiers.js';
import { translateError } from '../postgres/server-errors.js';
import { messageOf, SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction, type Transaction } from '../postgres/transaction.js';
import { installationLock } from './advisory-lock.js';
import { buildIndex } from './build-index.js';
import { type Changes, changesOf } from './changes.js';
import { insufficient, requirePrivileges } from './privileges.js';
import { renderTriggers } from './render-sql.js';
import { type LockedTables, lockTables, setLockTimeout, withShortLocks } from './short-locks.js';

/** What an installation did. */
export interface InstallReport {
  /** Whether anything in the database was changed. */
  changed: boolean;
  /** Names of functions, triggers and indexes (and of tables and columns, for `installSchema`) that were missing. */
  created: string[];
  /** Names of those that were there but outdated, disabled, or not asked for any more. */
  replaced: string[];
  /** Whether the triggers count once per statement or once per row. */
  granularity: 'statement' | 'row';
  /** The codes whose counters were corrected. */
  repaired: DriftRecord[];
  /** Unknown triggers that write the counters too, as `trigger on schema.table`. They are left alone, and make drift. */
  foreign: string[];
}

/**
 * Puts the counting triggers on the host's two tables and makes the counters true. Call it at every start of every
 * instance: when nothing has changed it is one statement that reads system catalogs, without a lock and without a write.
 *
 * Otherwise functions and triggers are created in one short transaction (an error leaves the database as it was), which
 * blocks writers for as long as the DDL takes; then the codes that had drifted are recounted one by one, each under its
 * own lock, while the application goes on. When the process dies in between, the next call goes on with the recounting.
 *
 * With a client that is inside a transaction, everything happens in it and is undone when it rolls back; that transaction
 * must be READ COMMITTED.
 *
 * @throws NotInstalledError when the tables or columns are missing or of a wrong type; nothing was changed.
 * @throws InsufficientPrivilegeError when something has to be changed and this role may not; its `sql` is what the owner
 * has to run.
 * @throws NewerInstallationError when the database holds the triggers of a newer version.
 * @throws LockTimeoutError when the tables stayed locked through all attempts.
 * @throws ValidationError for an unknown option or value.
 */
export async function installTriggers(db: Database, options?: InstallOptions): Promise<InstallReport> {
  const parsed = parseArguments(db, installOptions, options, 'installTriggers()');
  const { schema, reconcile, lockTimeoutMs, onProgress } = parsed;
  const inspect = (connection: Queryable) => inspectWith(connection, schema, () => withTriggerDefaults(parsed));
  try {
    const { report, pending } = await applyChanges(db, parsed, inspect);
    if (!pending || reconcile === 'none') return report;
    report.repaired = await repairDrift(db, { schema, lockTimeoutMs, ...(onProgress && { onProgress }) });
    await clearPendingMark(db, schema, lockTimeoutMs);
    return { ...report, changed: report.changed || report.repaired.length > 0 };
  } catch (error) {
    throw translateError(error);
  }
}

type Inspect = (connection: Queryable) => Promise<Inspection>;

async function applyChanges(db: Database, options: ParsedInstallOptions, inspect: Inspect) {
  const { schema } = options;
  const state = await inspect(db);
  const changes = requiredChanges(state);
  if (changes.count === 0 && !changes.index) {
    return { report: reportOf(state, changes), pending: state.reconcilePending && mayReconcile(state.catalog) };
  }
  if (state.catalog.readOnly) {
    throw new PromoCodesError(
      'READ_ONLY',
      'The triggers have to be installed, but this transaction or server is read-only.',
    );
  }

  const sqlForOwner = renderTriggers(schema, options);
  requirePrivileges(schema, state.catalog, sqlForOwner);
  if (state.revision === 0) await requireCountableAmounts(db, schema, state.catalog);
  try {
    const index =
      changes.index &&
      (await buildIndex(db, options, 'promo_code_uses', async () => changesOf((await inspect(db)).objects).index));
    const done = await createTriggers(db, options, inspect);
    if (done.report.changed) done.report.created.push(...(await indexBigTables(db, options, inspect)));
    if (index) done.report = { ...done.report, changed: true, created: [index, ...done.report.created] };
    return done;
  } catch (error) {
    if (sqlStateOf(error) !== SqlState.insufficientPrivilege) throw error;
    throw insufficient(schema, state.catalog, messageOf(error), sqlForOwner, {
      sqlState: SqlState.insufficientPrivilege,
      cause: error,
    });
  }
}

/** An application role need not be able to finish what the owner has begun; the owner does. */
function mayReconcile({ functions, tables, readOnly }: Catalog): boolean {
  const maySetCounters = tables.every(({ mayRead }) => mayRead) && tables.some((table) => table.mayUpdate);
  return !readOnly && maySetCounters && functions.filter(isMarkedPending).every(({ mine }) => mine);
}

/** Amounts that no counter can hold are told before anything is created. */
async function requireCountableAmounts(db: Database, schema: string, catalog: Catalog): Promise<void> {
  const decimals = decimalsOfTotal(catalog);
  const faulty = (await findDrift(db, { schema })).filter(
    (record) => record.code !== null && !isCountable(record, decimals),
  );
  if (faulty.length > 0) throw uncountable(faulty);
}

/**
 * In one transaction, where the load lets it have both tables at once. A host that writes its tables in either order (the
 * seed's application counts before it inserts, and deletes before it counts) may never do so: then table by table, the
 * uses first, so that the counters are never guarded while nothing of ours counts. Should only the first succeed, the
 * mark in the database lets the next call go on.
 */
async function createTriggers(db: Database, options: ParsedInstallOptions, inspect: Inspect) {
  const { lockTimeoutMs } = options;
  let inHostTransaction = false;
  const create = (tables: LockedTables) => (waitMs: number, attempt: number) =>
    inTransaction(db, (transaction) => {
      inHostTransaction = transaction.owner === 'host';
      return changeInTransaction(transaction, options, { tables, waitMs, attempt }, inspect);
    });
  try {
    return await withShortLocks(lockTimeoutMs, 'two', create(['promo_code_uses', 'promo_codes']));
  } catch (error) {
    if (!(error instanceof LockTimeoutError) || inHostTransaction) throw error;
  }
  const uses = await withShortLocks(lockTimeoutMs, 'one', create(['promo_code_uses']));
  const codes = await withShortLocks(lockTimeoutMs, 'one', create(['promo_codes']));
  const both = (list: 'created' | 'replaced') => [...new Set([...uses.report[list], ...codes.report[list]])];
  const changed = uses.report.changed || codes.report.changed;
  return { ...codes, report: { ...codes.report, changed, created: both('created'), replaced: both('replaced') } };
}

async function changeInTransaction(
  transaction: Transaction,
  { schema, lockTimeoutMs }: ParsedInstallOptions,
  { tables, waitMs, attempt }: { tables: LockedTables; waitMs: number; attempt: number },
  inspect: Inspect,
) {
  const { rows } = await transaction.query(`SELECT current_setting('lock_timeout') AS lock_timeout`);
  await installationLock(transaction, schema, lockTimeoutMs);
  await setLockTimeout(transaction, `${waitMs}ms`);
  // Another instance may have done it while this one waited.
  const state = await inspect(transaction);
  const changes = requiredChanges(state, tables);
  if (changes.count > 0) {
    for (const statement of changes.functions) await transaction.query(statement);
    if (changes.functions.length > 0) {
      await transaction.query(`SELECT set_config('pg_promo_codes.schema', $1, true)`, [schema]);
      await transaction.query(giveToOwnerSql);
    }
    await lockTables(transaction, schema, changes.tables, attempt, changes.lockMode);
    for (const statement of [...changes.triggers, markPending(schema)]) await transaction.query(statement);
    for (const { definition, object } of missingIndexes(schema, state.catalog)) {
      if (!changes.tables.includes(definition.table) || !(await isSmall(transaction, schema, definition.table)))
        continue;
      for (const statement of object.statements) await transaction.query(statement.replace('CONCURRENTLY ', ''));
      changes.created.push(definition.name);
    }
  }
  await setLockTimeout(transaction, rows[0]?.lock_timeout);
  return { report: reportOf(state, changes), pending: state.reconcilePending || changes.count > 0 };
}

/** Up to here an index is built in a moment, under the lock that the triggers have taken anyway. */
const SMALL_BYTES = 8 * 1024 * 1024;

async function isSmall(transaction: Transaction, schema: string, table: string): Promise<boolean> {
  const { rows } = await transaction.query(
    `SELECT (sum(pg_catalog.pg_relation_size(p.relid)) <= $2)::text AS small
       FROM pg_catalog.pg_partition_tree($1::regclass) AS p`,
    [`${quoteIdentifier(schema)}.${table}`, SMALL_BYTES],
  );
  return rows[0]?.small !== 'false';
}

/**
 * On a big table an index is built after the triggers, concurrently, so that writers go on. When that cannot be now (the
 * host's own transaction, somebody else is at it), the installation is complete without it.
 */
async function indexBigTables(db: Database, options: ParsedInstallOptions, inspect: Inspect): Promise<string[]> {
  if (!isPool(db)) return [];
  const missing = async () => missingIndexes(options.schema, (await inspect(db)).catalog);
  const built: string[] = [];
  for (const { definition } of await missing()) {
    const stillMissing = async () => (await missing()).find((index) => index.definition === definition)?.object;
    const name = await buildIndex(db, options, definition.table, stillMissing);
    if (name) built.push(name);
  }
  return built;
}

function requiredChanges(state: Inspection, tables?: LockedTables): Changes {
  if (state.revision > SQL_REVISION) throw new NewerInstallationError(state.revision, SQL_REVISION);
  return changesOf(state.objects, tables);
}

function reportOf(state: Inspection, changes: Changes): InstallReport {
  return {
    changed: changes.count > 0,
    created: changes.created,
    replaced: changes.replaced,
    granularity: state.granularity,
    repaired: [],
    foreign: state.objects
      .filter((object) => object.state === 'foreign')
      .map(({ name, table }) => `${name} on ${table}`),
  };
}

function markPending(schema: string): string {
  return `COMMENT ON FUNCTION ${markedFunction(schema)} IS ${quoteLiteral(PENDING_MARK)};`;
}

async function clearPendingMark(db: Database, schema: string, lockTimeoutMs: number): Promise<void> {
  await inTransaction(db, async (transaction) => {
    const { rows } = await transaction.query(`SELECT current_setting('lock_timeout') AS lock_timeout`);
    await installationLock(transaction, schema, lockTimeoutMs);
    // Somebody may have uninstalled meanwhile.
    const { functions } = await readCatalog(transaction, schema);
    if (functions.some(isMarkedPending))
      await transaction.query(`COMMENT ON FUNCTION ${markedFunction(schema)} IS NULL`);
    await setLockTimeout(transaction, rows[0]?.lock_timeout);
  });
}

function markedFunction(schema: string): string {
  return `${quoteIdentifier(schema)}.update_promo_code_stats_on_insert()`;
}
