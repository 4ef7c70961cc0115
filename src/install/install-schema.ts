import schemaSql from '../../sql/schema.sql';
import { type Catalog, readCatalog } from '../inspect/catalog.js';
import { compareObjects } from '../inspect/compare.js';
import { triggerLevel } from '../inspect/definition.js';
import {
  type InstallOptions,
  installOptions,
  type ParsedInstallOptions,
  withTriggerDefaults,
} from '../inspect/options.js';
import { warningsOf } from '../inspect/warnings.js';
import { parseArguments } from '../options.js';
import type { Database } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { translateError } from '../postgres/server-errors.js';
import { renderSqlText } from '../postgres/sql-text.js';
import { messageOf, SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction } from '../postgres/transaction.js';
import { installationLock } from './advisory-lock.js';
import { changesOf } from './changes.js';
import { type InstallReport, installTriggers } from './install-triggers.js';
import { insufficient } from './privileges.js';
import { renderSql } from './render-sql.js';
import { lockTables, setLockTimeout, withShortLocks } from './short-locks.js';

/**
 * For a host that has no tables yet: creates what is missing of the schema and the two tables, then does what
 * `installTriggers` does. A table that exists is the host's: it gets the columns that it lacks (without a constraint that
 * its rows might break), and nothing of it is dropped, rewritten or constrained.
 *
 * Safe to call at every start; when nothing is missing it reads system catalogs and writes nothing. With a client that is
 * inside a transaction, everything is undone when that rolls back.
 *
 * @returns the report of `installTriggers`; `created` begins with the schema, tables and columns.
 * @throws InsufficientPrivilegeError, LockTimeoutError, NewerInstallationError, NotInstalledError (an existing table has a
 * column of a wrong type), ValidationError: as `installTriggers`.
 */
export async function installSchema(db: Database, options?: InstallOptions): Promise<InstallReport> {
  const parsed = parseArguments(db, installOptions, options, 'installSchema()');
  const { schema, lockTimeoutMs, dryRun } = parsed;
  const created: string[] = [];
  try {
    const catalog = await readCatalog(db, schema);
    const missing = missingParts(schema, catalog);
    if (missing.length > 0 && dryRun) return rehearse(parsed, catalog, missing);
    if (missing.length > 0) created.push(...(await createMissing(db, schema, lockTimeoutMs, catalog)));
  } catch (error) {
    throw translateError(error);
  }
  const report = await installTriggers(db, options);
  return { ...report, changed: report.changed || created.length > 0, created: [...created, ...report.created] };
}

/** What would be done where tables are missing, from the catalog alone. */
function rehearse(options: ParsedInstallOptions, catalog: Catalog, missing: Part[]): InstallReport {
  const { schema } = options;
  const triggerOptions = withTriggerDefaults(options);
  const changes = changesOf(compareObjects(schema, triggerOptions, catalog));
  return {
    changed: true,
    created: [...missing.map(({ name }) => name), ...changes.created],
    replaced: changes.replaced,
    granularity: triggerLevel(triggerOptions, catalog),
    repaired: [],
    foreign: [],
    warnings: warningsOf(schema, catalog),
  };
}

async function createMissing(db: Database, schema: string, lockTimeoutMs: number, before: Catalog): Promise<string[]> {
  try {
    return await withShortLocks(lockTimeoutMs, 'two', (waitMs, attempt) =>
      inTransaction(db, async (transaction) => {
        const { rows } = await transaction.query(`SELECT current_setting('lock_timeout') AS lock_timeout`);
        await installationLock(transaction, schema, lockTimeoutMs);
        await setLockTimeout(transaction, `${waitMs}ms`);
        const parts = missingParts(schema, await readCatalog(transaction, schema));
        const altered = (['promo_code_uses', 'promo_codes'] as const).filter((table) =>
          parts.some(({ name }) => name.startsWith(`${table}.`)),
        );
        await lockTables(transaction, schema, altered, attempt, 'ACCESS EXCLUSIVE');
        for (const { statements } of parts) {
          for (const statement of statements) await transaction.query(statement);
        }
        await setLockTimeout(transaction, rows[0]?.lock_timeout);
        return parts.map(({ name }) => name);
      }),
    );
  } catch (error) {
    if (sqlStateOf(error) !== SqlState.insufficientPrivilege) throw error;
    throw insufficient(schema, before, messageOf(error), renderSql('schema', { schema }), {
      sqlState: SqlState.insufficientPrivilege,
      cause: error,
    });
  }
}

interface Part {
  name: string;
  statements: string[];
}

function missingParts(schema: string, catalog: Catalog): Part[] {
  const parts: Part[] = [];
  if (!catalog.schema)
    parts.push({ name: schema, statements: [`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`] });
  for (const name of ['promo_codes', 'promo_code_uses'] as const) {
    const table = catalog.tables.find((candidate) => candidate.name === name);
    const statements = statementsFor(name);
    if (!table) {
      parts.push({ name, statements: statements.map((text) => renderSqlText(text, { schema })) });
      continue;
    }
    const present = new Set(table.columns.map((column) => column.name));
    const missing = columnsOf(statements).filter((column) => !present.has(column.name));
    parts.push(
      ...missing.map((column) => ({
        name: `${name}.${column.name}`,
        statements: [`ALTER TABLE ${quoteIdentifier(schema)}.${name} ADD COLUMN ${column.name} ${column.definition}`],
      })),
    );
  }
  return parts;
}

/** The statements of `sql/schema.sql` that create one table and its indexes. */
function statementsFor(table: string): string[] {
  const statements = schemaSql.match(/^CREATE (?:TABLE|UNIQUE INDEX|INDEX)[\s\S]*?;$/gm) ?? [];
  return statements.filter((statement) => /:"schema"\.(\w+)/.exec(statement)?.[1] === table);
}

/** A column for rows that exist already cannot be NOT NULL unless it has a default. */
function columnsOf([createTable = '']: string[]): { name: string; definition: string }[] {
  return [...createTable.matchAll(/^ {2}([a-z_]+) +(.+?),?$/gm)]
    .map(([, name = '', definition = '']) => ({
      name,
      definition: definition.includes('DEFAULT') ? definition : definition.replace(/ NOT NULL| REFERENCES .*/g, ''),
    }))
    .filter(({ definition }) => !definition.includes('PRIMARY KEY'));
}
