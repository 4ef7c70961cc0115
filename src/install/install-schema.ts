import * as v from 'valibot';
import type { Layout } from '../host/layout.js';
import { familyOf } from '../host/types.js';
import { type Catalog, readCatalog } from '../inspect/catalog.js';
import { compareObjects } from '../inspect/compare.js';
import { triggerLevel } from '../inspect/definition.js';
import { readIdNumbers } from '../inspect/id-numbers.js';
import { type Choice, chooseInstallation, requireDescribed } from '../inspect/installation.js';
import { type InstallOptions, installOptions, type ParsedInstallOptions } from '../inspect/options.js';
import { parseArguments, parseOptions, parseTogether, readable } from '../options.js';
import type { Database } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { translateError } from '../postgres/server-errors.js';
import { messageOf, SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction, withConnection } from '../postgres/transaction.js';
import { installationLock } from './advisory-lock.js';
import { changesOf } from './changes.js';
import { type IdOption, idsOption, requireIds } from './ids.js';
import { type InstallReport, putTriggers } from './install-triggers.js';
import { type InstallTrace, noteTables, observeInstallation } from './observed.js';
import { insufficient } from './privileges.js';
import { renderSql } from './render-sql.js';
import { columnsToAdd, tableStatements } from './schema-file.js';
import { lockTables, setLockTimeout, withShortLocks } from './short-locks.js';

/** Options of `installSchema`. */
export interface SchemaOptions extends InstallOptions {
  /**
   * How the ids of tables that are created are made, where there are several databases: `'uuid'` for random ones, or numbers that
   * no other database gives: `{ start: 1, increment: 16 }` in one, `{ start: 2, increment: 16 }` in the next. Tables that are
   * there keep their ids: where these are made otherwise, that is a `ValidationError` which says
   * what to run. Default: numbers from 1, one by one; what is there is not looked at.
   */
  ids?: IdOption | undefined;
}

/**
 * For a host that has no tables yet: creates what is missing of the schema and the two tables, then does what
 * `installTriggers` does. A table that exists is the host's: it gets the columns that it lacks (without a constraint that
 * its rows might break), and nothing of it is dropped, rewritten or constrained.
 *
 * Safe to call at every start; when nothing is missing it reads system catalogs and writes nothing. With a client that is
 * inside a transaction, everything is undone when that rolls back.
 *
 * With `ids` the tables are made for one of several databases: see `PromoCodeShards`.
 *
 * @returns the report of `installTriggers`; `created` begins with the schema, tables and columns.
 * @throws InsufficientPrivilegeError, LockTimeoutError, NewerInstallationError, NotInstalledError (an existing table has a
 * column of a wrong type), ValidationError: as `installTriggers`.
 */
export function installSchema(db: Database, options?: SchemaOptions): Promise<InstallReport> {
  return installSchemaOf(db, options, undefined);
}

/** @param shard the name of the database among several, for events */
export function installSchemaOf(
  db: Database,
  options: SchemaOptions | undefined,
  shard: string | undefined,
): Promise<InstallReport> {
  return observeInstallation('installSchema', (trace) => putSchema(db, options, trace, shard), shard);
}

const schemaOptions = v.optional(v.object({ ids: idsOption }), {});
/** The options of the triggers, and those of the tables. */
function splitOptions(options: SchemaOptions | undefined): {
  ofTriggers: InstallOptions | undefined;
  given: SchemaOptions | undefined;
} {
  if (typeof options !== 'object' || options === null) return { ofTriggers: options, given: undefined };
  const { ids, ...ofTriggers } = readable('options', () => ({ ...options }));
  return { ofTriggers, given: { ids } };
}

async function putSchema(
  db: Database,
  options: SchemaOptions | undefined,
  trace: InstallTrace | undefined,
  shard: string | undefined,
): Promise<InstallReport> {
  const { ofTriggers, given } = splitOptions(options);
  const { parsed, own } = parseTogether({
    parsed: () => parseArguments(db, installOptions, ofTriggers, 'installSchema()'),
    own: () => parseOptions(schemaOptions, given, 'installSchema()'),
  });
  const { ids } = own;
  const created: string[] = [];
  try {
    const catalog = await readCatalog(db, parsed);
    const choice = chooseInstallation({ ...parsed, findsColumns: true }, catalog);
    if (trace) noteTables(trace, choice.layout, parsed);
    const missing = missingParts(choice, catalog, ids);
    if (ids !== undefined) {
      const toCreate = (['codes', 'uses'] as const).filter((table) => !catalog.tables[table]);
      const numbers = await withConnection(db, (connection) => readIdNumbers(connection, choice.layout));
      requireIds(choice.layout, ids, numbers, toCreate);
    }
    if (missing.length > 0 && parsed.dryRun) return rehearse(choice, catalog, missing);
    if (missing.length > 0) created.push(...(await createMissing(db, { ...parsed, ids, shard }, catalog)));
  } catch (error) {
    throw translateError(error);
  }
  const report = await putTriggers(db, ofTriggers, trace, { findsColumns: true, shard });
  return { ...report, changed: report.changed || created.length > 0, created: [...created, ...report.created] };
}

/** What would be done where tables are missing, from the catalog alone. */
function rehearse(choice: Choice, catalog: Catalog, missing: Part[]): InstallReport {
  const changes = changesOf(compareObjects(choice, catalog), choice);
  return {
    changed: true,
    created: [...missing.map(({ name }) => name), ...changes.created],
    replaced: changes.replaced,
    granularity: triggerLevel(choice.options, catalog),
    repaired: [],
    foreign: [],
    warnings: [],
  };
}

async function createMissing(
  db: Database,
  { ids, shard, ...options }: ParsedInstallOptions & { ids: IdOption | undefined; shard: string | undefined },
  before: Catalog,
): Promise<string[]> {
  const { lockTimeoutMs, librarySchema, tables } = options;
  const { schemaName: schema } = before;
  try {
    const create = (waitMs: number, attempt: number) =>
      inTransaction(db, async (transaction) => {
        const { rows } = await transaction.query(`SELECT pg_catalog.current_setting('lock_timeout') AS earlier`);
        await installationLock(transaction, before.librarySchema, lockTimeoutMs);
        await setLockTimeout(transaction, `${waitMs}ms`);
        const catalog = await readCatalog(transaction, options);
        const choice = chooseInstallation({ ...options, findsColumns: true }, catalog);
        const parts = missingParts(choice, catalog, ids);
        const altered = (['uses', 'codes'] as const).filter((table) => parts.some((part) => part.alters === table));
        await lockTables(transaction, choice.layout, altered, attempt, 'ACCESS EXCLUSIVE');
        for (const { statements } of parts) {
          for (const statement of statements) await transaction.query(statement);
        }
        // With what the host has already, they may not do; then nothing is created.
        if (parts.length > 0) requireDescribed(chooseInstallation(options, await readCatalog(transaction, options)));
        await setLockTimeout(transaction, rows[0]?.earlier);
        return parts.map(({ name }) => name);
      });
    return await withShortLocks(lockTimeoutMs, 'two', create, shard);
  } catch (error) {
    if (sqlStateOf(error) !== SqlState.insufficientPrivilege) throw error;
    throw insufficient(schema, before, messageOf(error), renderSql('schema', { schema, librarySchema, tables, ids }), {
      sqlState: SqlState.insufficientPrivilege,
      cause: error,
    });
  }
}

interface Part {
  name: string;
  statements: string[];
  /** The table that it adds a column to. */
  alters?: 'codes' | 'uses';
}

function missingParts(choice: Choice, catalog: Catalog, ids: IdOption | undefined): Part[] {
  const layout = describedLayout(choice, catalog, ids);
  const parts: Part[] = [];
  if (!catalog.schema) {
    const { schema } = layout;
    parts.push({ name: schema, statements: [`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`] });
  }
  for (const part of ['codes', 'uses'] as const) {
    const table = catalog.tables[part];
    const { name } = layout[part];
    if (!table) {
      parts.push({
        name,
        statements: tableStatements(layout, part, { references: canReference(layout, catalog), ids }),
      });
      continue;
    }
    // What is no table is told as such.
    if (table.kind !== 'r' && table.kind !== 'p') continue;
    const present = new Set(table.columns.map((column) => column.name));
    const path = `${quoteIdentifier(layout.schema)}.${quoteIdentifier(name)}`;
    parts.push(
      ...columnsToAdd(layout, part)
        .filter((column) => !present.has(column.name))
        .map((column) => ({
          name: `${name}.${column.name}`,
          alters: part,
          statements: [`ALTER TABLE ${path} ADD COLUMN ${quoteIdentifier(column.name)} ${column.definition}`],
        })),
    );
  }
  return parts;
}

/** Whether a foreign key can refer to the codes, where a host has them. */
function canReference({ codes: { columns } }: Layout, { tables: { codes } }: Catalog): boolean {
  if (!codes) return true;
  const id = codes.columns.find(({ name }) => name === columns.id);
  return id !== undefined && familyOf(id) !== undefined && codes.uniqueColumns.includes(id.name);
}

/** With every column that was described, there or not, and the types that ids are going to have. */
function describedLayout({ layout, description }: Choice, { tables }: Catalog, ids: IdOption | undefined): Layout {
  const types = { ...layout.types };
  if (ids === 'uuid' && !tables.codes) types.codeId = 'uuid';
  if (ids === 'uuid' && !tables.uses) types.useId = 'uuid';
  return { ...layout, ...description, types };
}
