import giveToOwnerSql from '../../sql/installation/give-to-owner.sql';
import { findDrift } from '../drift/check-drift.js';
import type { DriftRecord } from '../drift/drift-record.js';
import { isCountable, repairDriftOf, uncountable } from '../drift/repair-drift.js';
import {
  InsufficientPrivilegeError,
  LockTimeoutError,
  NewerInstallationError,
  NotInstalledError,
  PromoCodesError,
} from '../errors.js';
import { type Layout, tableName } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { withRules } from '../host/rules.js';
import { decimalsOfTotal } from '../host/types.js';
import { type Catalog, hostCatalogOf } from '../inspect/catalog.js';
import { SQL_REVISION } from '../inspect/definition.js';
import {
  type Inspection,
  inspectWith,
  isMarkedPending,
  PENDING_MARK,
  unknownBonusTypes,
} from '../inspect/inspect-triggers.js';
import { type InstallOptions, installOptions, type ParsedInstallOptions } from '../inspect/options.js';
import { parseArguments } from '../options.js';
import type { Database, Queryable } from '../postgres/database.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/identifiers.js';
import { translateError } from '../postgres/server-errors.js';
import { messageOf, SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction, type Transaction } from '../postgres/transaction.js';
import { installationLock } from './advisory-lock.js';
import { buildIndexes, indexesToBuild, isSmall, markIndex, underLock } from './build-index.js';
import { type Changes, changesOf } from './changes.js';
import { type InstallTrace, noteTables, observeInstallation } from './observed.js';
import { insufficient, requirePrivileges } from './privileges.js';
import { renderTriggers } from './render-sql.js';
import { rightsScript } from './rights.js';
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
  /** As `InstallationState.warnings`, and indexes that could not be built now. */
  warnings: string[];
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
 * must be READ COMMITTED. The indexes that redeeming is fast by are then built on small tables only, since on a big one the
 * build would lock it; a later call outside a transaction builds them.
 *
 * What the host has is never replaced for its name: a trigger, function or table of the host's that stands where one of the
 * library's would is named in the error. The seed's own triggers are replaced.
 *
 * @returns what was done; with `dryRun`, what would be.
 * @throws NotInstalledError when the tables or columns are missing or of a wrong type, or when something of the host's has a
 * name that the library needs; nothing was changed.
 * @throws InsufficientPrivilegeError when something has to be changed and this role may not; its `sql` is what the owner
 * has to run.
 * @throws NewerInstallationError when the database holds what a newer version has installed and this one cannot use. What it can
 * use, it leaves as it is.
 * @throws LockTimeoutError when the tables stayed locked through all attempts.
 * @throws ValidationError for an unknown option or value.
 */
export function installTriggers(db: Database, options?: InstallOptions): Promise<InstallReport> {
  return installTriggersOf(db, options, undefined);
}

/** @param shard the name of the database among several, for events */
export function installTriggersOf(
  db: Database,
  options: InstallOptions | undefined,
  shard: string | undefined,
): Promise<InstallReport> {
  return observeInstallation('installTriggers', (trace) => putTriggers(db, options, trace, { shard }), shard);
}

/**
 * The installation itself, also as the second half of `installSchema`.
 * @param how `findsColumns`: whether columns are looked for that were not there before, and that nobody has described; `shard`: the
 * name of the database among several, for events
 */
export async function putTriggers(
  db: Database,
  options: InstallOptions | undefined,
  trace: InstallTrace | undefined,
  how: { findsColumns?: boolean; shard?: string | undefined } = {},
): Promise<InstallReport> {
  const { findsColumns = false, shard } = how;
  const parsed = { ...parseArguments(db, installOptions, options, 'installTriggers()'), findsColumns, shard };
  const { reconcile, lockTimeoutMs, onProgress } = parsed;
  const inspect = async (connection: Queryable) => {
    const state = await inspectWith(connection, parsed);
    if (trace) noteTables(trace, state.choice.layout, parsed);
    return state;
  };
  try {
    if (parsed.dryRun) return await rehearse(db, parsed, inspect);
    const { report, pending, layout } = await applyChanges(db, parsed, inspect);
    const { librarySchema } = layout;
    if (!pending || reconcile === 'none') return report;
    const repairing = { librarySchema, lockTimeoutMs, ...(onProgress && { onProgress }) };
    report.repaired = await repairDriftOf(db, repairing, shard);
    await clearPendingMark(db, layout, lockTimeoutMs);
    return { ...report, changed: report.changed || report.repaired.length > 0 };
  } catch (error) {
    throw translateError(error);
  }
}

type Inspect = (connection: Queryable) => Promise<Inspection>;
type AskedOptions = ParsedInstallOptions & { shard: string | undefined };

/** What a call would do, by reading alone. */
async function rehearse(db: Database, options: ParsedInstallOptions, inspect: Inspect): Promise<InstallReport> {
  const { reconcile } = options;
  const state = await inspect(db);
  const changes = requiredChanges(state);
  const report = reportOf(state, changes);
  if (state.choice.isNewer) return report;
  const indexes = indexesToBuild(state, changes);
  const recounts = reconcile === 'online' && (changes.count > 0 || state.reconcilePending);
  const repaired = recounts ? await driftOf(db, state) : [];
  return {
    ...report,
    changed: report.changed || indexes.length > 0 || repaired.length > 0,
    created: [...report.created, ...indexes.map(({ object }) => object.name)],
    repaired,
    warnings: [...report.warnings, ...(await unknownBonusTypes(db, state.choice, state.catalog))],
  };
}

const NONE_BUILT = { built: [], warnings: [] };

async function applyChanges(db: Database, options: AskedOptions, inspect: Inspect) {
  const state = await inspect(db);
  const { layout } = state.choice;
  const changes = requiredChanges(state);
  if (state.choice.isNewer) return { layout, report: reportOf(state, changes), pending: false };
  if (changes.count === 0 && (state.catalog.readOnly || indexesToBuild(state, changes).length === 0)) {
    return { layout, report: reportOf(state, changes), pending: state.reconcilePending && mayReconcile(state.catalog) };
  }
  if (state.catalog.readOnly) {
    throw new PromoCodesError(
      'READ_ONLY',
      'The triggers have to be installed, but this transaction or server is read-only.',
    );
  }

  const sqlForOwner = () => renderTriggers(state.choice);
  requirePrivileges(state.choice, state.catalog, changes, sqlForOwner);
  if (state.revision === 0) await requireCountableAmounts(db, state);
  const indexes = (of: 'enforceLimits' | 'redemption') =>
    buildIndexes(db, { layout, lockTimeoutMs: options.lockTimeoutMs }, async () => {
      const now = await inspect(db);
      return indexesToBuild(now, changesOf(now.objects, now.choice)).filter(
        ({ enforced }) => enforced === (of === 'enforceLimits'),
      );
    });
  try {
    // A trigger that counts a customer's uses without an index would stop a busy table, so that one comes first.
    const first = state.choice.options.enforceLimits ? await indexes('enforceLimits') : NONE_BUILT;
    const done = changes.count > 0 ? await createTriggers(db, layout, options, inspect) : await unchanged(db, inspect);
    const last = done.hasIndexesLeft ? await indexes('redemption') : NONE_BUILT;
    const { report, pending } = done;
    const created = [...first.built, ...report.created, ...last.built];
    const warnings = [...report.warnings, ...first.warnings, ...last.warnings];
    if (report.changed) warnings.push(...(await unknownBonusTypes(db, state.choice, state.catalog)));
    return { layout, pending, report: { ...report, changed: report.changed || created.length > 0, created, warnings } };
  } catch (error) {
    if (sqlStateOf(error) !== SqlState.insufficientPrivilege) throw error;
    throw insufficient(layout.schema, state.catalog, messageOf(error), sqlForOwner(), {
      sqlState: SqlState.insufficientPrivilege,
      cause: error,
    });
  }
}

async function unchanged(db: Database, inspect: Inspect) {
  const state = await inspect(db);
  return {
    report: reportOf(state, requiredChanges(state)),
    pending: state.reconcilePending && mayReconcile(state.catalog),
    hasIndexesLeft: true,
  };
}

/** An application role need not be able to finish what the owner has begun; the owner does. */
function mayReconcile({ functions, tables, readOnly }: Catalog): boolean {
  const maySetCounters = tables.codes?.mayRead && tables.codes.mayUpdate && tables.uses?.mayRead === true;
  return !readOnly && maySetCounters === true && functions.filter(isMarkedPending).every(({ mine }) => mine);
}

/** What is not counted yet. Nothing may be installed that would say where to look. */
function driftOf(db: Database, { choice: { layout }, catalog }: Inspection): Promise<DriftRecord[]> {
  const readsCarried = catalog.ownTables.some(
    ({ name, inLibrary, ours }) => name === 'promo_code_carried_totals' && inLibrary && ours,
  );
  // Nothing is compared but codes: a first installation has no campaigns.
  return findDrift(db, { layout, readsCampaigns: false, readsCarried }, {});
}

/** Amounts that no counter can hold are reported before anything is created. */
async function requireCountableAmounts(db: Database, inspection: Inspection): Promise<void> {
  const { choice, catalog } = inspection;
  if (choice.layout.codes.columns.totalBonusIssued === null) return;
  const decimals = decimalsOfTotal(choice.layout, hostCatalogOf(catalog));
  const faulty = (await driftOf(db, inspection)).filter(
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
async function createTriggers(db: Database, layout: Layout, options: AskedOptions, inspect: Inspect) {
  const { lockTimeoutMs, shard } = options;
  let inHostTransaction = false;
  const create = (tables: LockedTables) => (waitMs: number, attempt: number) =>
    inTransaction(db, (transaction) => {
      inHostTransaction = transaction.owner === 'host';
      return changeInTransaction(
        transaction,
        options,
        { librarySchema: layout.librarySchema, tables, waitMs, attempt },
        inspect,
      );
    });
  try {
    return await withShortLocks(lockTimeoutMs, 'two', create(['uses', 'codes']), shard);
  } catch (error) {
    if (!(error instanceof LockTimeoutError) || inHostTransaction) throw error;
  }
  const uses = await withShortLocks(lockTimeoutMs, 'one', create(['uses']), shard);
  const codes = await withShortLocks(lockTimeoutMs, 'one', create(['codes']), shard);
  const both = (list: 'created' | 'replaced') => [...new Set([...uses.report[list], ...codes.report[list]])];
  const changed = uses.report.changed || codes.report.changed;
  return { ...codes, report: { ...codes.report, changed, created: both('created'), replaced: both('replaced') } };
}

async function changeInTransaction(
  transaction: Transaction,
  { lockTimeoutMs }: ParsedInstallOptions,
  {
    librarySchema,
    tables,
    waitMs,
    attempt,
  }: { librarySchema: string; tables: LockedTables; waitMs: number; attempt: number },
  inspect: Inspect,
) {
  const { rows } = await transaction.query(`SELECT current_setting('lock_timeout') AS earlier`);
  await installationLock(transaction, librarySchema, lockTimeoutMs);
  await setLockTimeout(transaction, `${waitMs}ms`);
  // Another instance may have done it while this one waited.
  const state = await inspect(transaction);
  const { layout } = state.choice;
  const changes = requiredChanges(state, tables);
  let indexesLeft = indexesToBuild(state, changes);
  if (changes.count > 0) {
    for (const statement of changes.functions) await transaction.query(statement);
    if (changes.altered.length === 0 && changes.functions.length > 0) await giveRights(transaction, state);
    await lockTables(transaction, layout, changes.tables, attempt, changes.lockMode);
    // An installation in another library schema may have been quicker: that is told as at any later time.
    if (await isCountedElsewhere(transaction, layout, changes.tables)) await inspect(transaction);
    for (const statement of changes.altered) await transaction.query(statement);
    if (changes.altered.length > 0) await giveRights(transaction, state);
    for (const statement of [...inFewTrips(changes.triggers), markPending(layout), ...changes.obsolete])
      await transaction.query(statement);
    // In a moment, under the lock that the triggers have taken anyway.
    for (const index of indexesLeft) {
      const { table, object } = index;
      if (!changes.tables.includes(table) || !(await isSmall(transaction, layout, table))) continue;
      for (const statement of object.statements) await transaction.query(underLock(statement));
      await transaction.query(markIndex(layout, { object }));
      changes.created.push(object.name);
      indexesLeft = indexesLeft.filter((other) => other !== index);
    }
  }
  await setLockTimeout(transaction, rows[0]?.earlier);
  return {
    report: reportOf(state, changes),
    pending: state.reconcilePending || changes.count > 0,
    hasIndexesLeft: indexesLeft.length > 0,
  };
}

/** Partitions have triggers each, and writers wait meanwhile. */
const MOST_TRIPS = 40;

function inFewTrips(statements: string[]): string[] {
  if (statements.length <= MOST_TRIPS) return statements;
  const body = `BEGIN\n${statements.join('\n')}\nEND`;
  let quote = '$body$';
  while (body.includes(quote)) quote = quote.replace(/\$$/, '_$');
  return [`DO ${quote}\n${body}\n${quote}`];
}

async function giveRights(transaction: Transaction, { choice }: Inspection): Promise<void> {
  await transaction.query(renderSqlFile(withRules(giveToOwnerSql), choice.layout));
  await transaction.query(rightsScript(choice));
}

async function isCountedElsewhere(transaction: Transaction, layout: Layout, tables: LockedTables): Promise<boolean> {
  const { rows } = await transaction.query(
    `SELECT true AS found
       FROM pg_catalog.pg_trigger AS t
       JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid AND f.prosrc LIKE '%-- pg-promo-codes %'
       JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
      WHERE t.tgrelid = ANY ($1::pg_catalog.regclass[]::pg_catalog.oid[]) AND n.nspname::text <> ALL ($2::text[])`,
    [tables.map((table) => tableName(layout, table)), [layout.librarySchema, layout.schema]],
  );
  return rows.length > 0;
}

function requiredChanges(state: Inspection, tables?: LockedTables): Changes {
  if (state.choice.isNewer) return changesOf([], state.choice, tables);
  if (state.revision > SQL_REVISION) throw new NewerInstallationError(state.revision, SQL_REVISION);
  const changes = changesOf(state.objects, state.choice, tables);
  const ofFormerOwner = changes.taken.find(({ kind, fix }) => kind === 'schema' && fix !== null);
  if (ofFormerOwner) {
    const { reason, fix } = ofFormerOwner;
    const message = `${reason}. Nothing was changed. Let a superuser run the SQL in this error's "sql", and call again.`;
    throw new InsufficientPrivilegeError(message, { sql: String(fix) });
  }
  if (changes.taken.length > 0) throw namesTaken(changes.taken);
  return changes;
}

/** Replacing what a host has would take away what it does. */
function namesTaken(objects: Changes['taken']): NotInstalledError {
  const reasons = objects.map(({ reason, fix }) => (fix ? `${reason} (out of the way: ${fix})` : reason));
  return new NotInstalledError(
    `The host has objects of its own with names that pg-promo-codes needs, and they are not replaced: ${reasons.join('; ')}. ` +
      'Rename each, or drop it where it only counts, then call installTriggers(). Nothing was changed.',
    objects.map(({ name }) => name),
  );
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
    warnings: state.warnings,
  };
}

function markPending(layout: Layout): string {
  return `COMMENT ON FUNCTION ${markedFunction(layout)} IS ${quoteLiteral(PENDING_MARK)};`;
}

async function clearPendingMark(db: Database, layout: Layout, lockTimeoutMs: number): Promise<void> {
  await inTransaction(db, async (transaction) => {
    const { rows } = await transaction.query(`SELECT current_setting('lock_timeout') AS earlier`);
    await installationLock(transaction, layout.librarySchema, lockTimeoutMs);
    // Somebody may have uninstalled meanwhile.
    const { rows: marked } = await transaction.query(
      `SELECT true AS pending FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = $1::pg_catalog.name AND p.proname = 'update_promo_code_stats_on_insert'::pg_catalog.name
          AND p.pronargs = 0::smallint AND pg_catalog.obj_description(p.oid, 'pg_proc') = $2::text`,
      [layout.librarySchema, PENDING_MARK],
    );
    if (marked.length > 0) await transaction.query(`COMMENT ON FUNCTION ${markedFunction(layout)} IS NULL`);
    await setLockTimeout(transaction, rows[0]?.earlier);
  });
}

function markedFunction({ librarySchema }: Layout): string {
  return `${quoteIdentifier(librarySchema)}.update_promo_code_stats_on_insert()`;
}
