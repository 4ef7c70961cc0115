import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog, CatalogFunction, CatalogTrigger } from './catalog.js';
import {
  CODE_INDEX,
  CUSTOMER_INDEX,
  type FunctionDefinition,
  functionDefinitions,
  functionNames,
  type IndexDefinition,
  SQL_REVISION,
  type TableDefinition,
  type TriggerDefinition,
  tableDefinitions,
  triggerDefinitions,
  triggerNames,
} from './definition.js';
import { writesCounters } from './foreign-trigger.js';
import type { TriggerOptions } from './options.js';

/** What was found of one object, and the statement that puts it right. */
export interface ObjectState {
  /** What it is; a table is one of the library's own. */
  kind: 'table' | 'function' | 'trigger' | 'index';
  /** Its name, without schema and quotes. */
  name: string;
  /** For a trigger: the table that it is on, as `schema.table`. */
  table?: string;
  /**
   * `missing`; `outdated`: there, but not as this version and these options have it; `disabled`: there, but it does not
   * fire; `newer`: from a newer version of the library; `foreign`: an unknown trigger that writes the counters.
   */
  state: 'ok' | 'missing' | 'outdated' | 'disabled' | 'newer' | 'foreign';
  /** SQL that mends it; `null` where nothing has to be or can be done by SQL. */
  fix: string | null;
}

/** The same with the statements of `fix` one by one: some drivers take no more than one at a time. */
export interface ComparedObject extends ObjectState {
  statements: string[];
}

/** Compares the catalogs with what the options ask for. Reads nothing but its arguments. */
export function compareObjects(schema: string, options: TriggerOptions, catalog: Catalog): ComparedObject[] {
  const triggers = triggerDefinitions(schema, options, catalog);
  return [
    ...tableDefinitions(schema).map((expected) => tableState(expected, catalog)),
    ...functionDefinitions(schema).map((expected) => functionState(schema, expected, catalog)),
    ...triggers.map((expected) => triggerState(schema, expected, catalog)),
    ...catalog.triggers.flatMap((found) => unexpectedTrigger(schema, found, triggers)),
    ...(options.enforceLimits ? [indexState(schema, catalog, CUSTOMER_INDEX)] : []),
  ];
}

/** The highest revision of the library's SQL among the installed functions; 0 where there is none. */
export function installedRevision(catalog: Catalog): number {
  return Math.max(0, ...catalog.functions.filter(isOurs).map(revisionOf));
}

type Identity = Pick<ObjectState, 'kind' | 'name' | 'table'>;

function compared(object: Identity, state: ObjectState['state'], statements: string[] = []): ComparedObject {
  return { ...object, state, fix: statements.length > 0 ? statements.join('\n') : null, statements };
}

function functionState(schema: string, expected: FunctionDefinition, catalog: Catalog): ComparedObject {
  const found = catalog.functions.find((candidate) => isFunction(candidate, expected));
  const object = { kind: 'function', name: expected.name } as const;
  if (!found) return compared(object, 'missing', expected.statements);
  if (revisionOf(found) > SQL_REVISION) return compared(object, 'newer');
  const same =
    found.source === expected.source &&
    found.securityDefiner === expected.securityDefiner &&
    found.publicMayExecute === expected.publicMayExecute &&
    hasSettings(found, schema, expected) &&
    (found.ownedByTableOwner || !found.ownedBySuperuser);
  return same ? compared(object, 'ok') : compared(object, 'outdated', expected.statements);
}

function hasSettings({ settings }: CatalogFunction, schema: string, expected: FunctionDefinition): boolean {
  // PostgreSQL quotes what it has to, with quote_all_identifiers also what it need not, and capitalises TimeZone.
  const plain = (setting: string) =>
    setting
      .replaceAll(quoteIdentifier(schema), () => schema)
      .replace(/"(pg_catalog|pg_temp)"/g, '$1')
      .replace(/^timezone=/i, 'timezone=');
  return (settings ?? []).map(plain).join('\n') === expected.settings.map(plain).join('\n');
}

/** Tables are migrated, not replaced: what creates one also adds the columns that an earlier version did not have. */
function tableState(expected: TableDefinition, catalog: Catalog): ComparedObject {
  const object = { kind: 'table', name: expected.name } as const;
  const found = catalog.ownTables.find(({ name }) => name === expected.name);
  if (!found) return compared(object, 'missing', expected.statements);
  const same = found.rowSecurity && expected.columns.every((column) => found.columns.includes(column));
  return same ? compared(object, 'ok') : compared(object, 'outdated', expected.statements);
}

function isFunction(found: CatalogFunction, expected: Pick<FunctionDefinition, 'name' | 'arguments'>): boolean {
  // With quote_all_identifiers, PostgreSQL quotes names of types as well.
  return found.name === expected.name && found.arguments.replaceAll('"', '') === expected.arguments;
}

/** Whether a function of the schema is one of the library's; a host may have others of the same name. */
export function isOurs(found: CatalogFunction): boolean {
  return functionDefinitions('public').some((expected) => isFunction(found, expected));
}

function revisionOf(found: CatalogFunction): number {
  return Number(/^\s*-- pg-promo-codes (\d+)$/m.exec(found.source)?.[1] ?? 0);
}

function triggerState(schema: string, expected: TriggerDefinition, catalog: Catalog): ComparedObject {
  const found = catalog.triggers.find(
    ({ name, tableSchema, table, isClone }) =>
      name === expected.name && tableSchema === expected.tableSchema && table === expected.table && !isClone,
  );
  const object = { kind: 'trigger', name: expected.name, table: `${expected.tableSchema}.${expected.table}` } as const;
  if (!found) return compared(object, 'missing', [expected.statement]);
  const same =
    // quote_all_identifiers puts quotes where the definition has none.
    found.definition?.replaceAll('"', '') === expected.definition &&
    found.functionSchema === schema &&
    found.function === expected.function;
  if (!same) return compared(object, 'outdated', replaceTrigger(expected, catalog));
  return fires(found) ? compared(object, 'ok') : compared(object, 'disabled', [enableTrigger(found)]);
}

/**
 * A constraint trigger cannot be replaced in place; neither is a trigger of a partitioned table, whose clones on the
 * partitions would stay as they were.
 */
function replaceTrigger(expected: TriggerDefinition, catalog: Catalog): string[] {
  const partitioned = catalog.tables.some(({ name, kind }) => name === expected.hostTable && kind === 'p');
  return partitioned || !expected.statement.startsWith('CREATE OR REPLACE')
    ? [dropTrigger(expected), expected.statement]
    : [expected.statement];
}

function unexpectedTrigger(schema: string, found: CatalogTrigger, expected: TriggerDefinition[]): ComparedObject[] {
  const object = { kind: 'trigger', name: found.name, table: `${found.tableSchema}.${found.table}` } as const;
  const callsOurs = found.functionSchema === schema && functionNames.has(found.function);
  if (found.isClone) return callsOurs && !fires(found) ? [compared(object, 'disabled', [enableTrigger(found)])] : [];
  const wanted = expected.some(
    ({ name, tableSchema, table }) => name === found.name && tableSchema === found.tableSchema && table === found.table,
  );
  if (wanted) return [];
  if (triggerNames.has(found.name) && callsOurs) return [compared(object, 'outdated', [dropTrigger(found)])];
  const foreign = callsOurs || writesCounters(found.functionSource);
  return foreign && fires(found) ? [compared(object, 'foreign', [dropTrigger(found)])] : [];
}

/** An index that is not there and can be built. */
export interface MissingIndex {
  definition: IndexDefinition;
  object: ComparedObject;
}

/**
 * The indexes that redeeming is fast by, where they are not there and can be built. Without them everything is right, only
 * slower, so they are no part of what is inspected, but for the one that `enforceLimits` asks for.
 */
export function missingIndexes(schema: string, catalog: Catalog): MissingIndex[] {
  return [CODE_INDEX, CUSTOMER_INDEX]
    .filter(({ table, needs }) => {
      const columns = catalog.tables.find(({ name }) => name === table)?.columns;
      return columns?.some(({ name }) => name === needs);
    })
    .map((definition) => ({ definition, object: indexState(schema, catalog, definition) }))
    .filter(({ object }) => object.state !== 'ok');
}

function indexState(schema: string, catalog: Catalog, { name, table, columns, kind }: IndexDefinition): ComparedObject {
  const object = { kind: 'index', name } as const;
  if (catalog.indexes.some((index) => index.valid && index[kind])) return compared(object, 'ok');
  const left = catalog.indexes.some((index) => index.name === name);
  const target = `${quoteIdentifier(schema)}.${table}`;
  const partitioned = catalog.tables.some((found) => found.name === table && found.kind === 'p');
  const concurrently = partitioned ? '' : 'CONCURRENTLY ';
  const drop = `DROP INDEX ${concurrently}${quoteIdentifier(schema)}.${name};`;
  const create = `CREATE INDEX ${concurrently}${name} ON ${target} ${columns};`;
  return compared(object, left ? 'outdated' : 'missing', left ? [drop, create] : [create]);
}

function fires({ enabled }: CatalogTrigger): boolean {
  return enabled === 'O' || enabled === 'A';
}

type OnTable = Pick<CatalogTrigger, 'name' | 'tableSchema' | 'table'>;

/** The statement that removes a trigger. */
export function dropTrigger({ name, tableSchema, table }: OnTable): string {
  return `DROP TRIGGER ${quoteIdentifier(name)} ON ${quoteIdentifier(tableSchema)}.${quoteIdentifier(table)};`;
}

function enableTrigger({ name, tableSchema, table }: OnTable): string {
  return `ALTER TABLE ${quoteIdentifier(tableSchema)}.${quoteIdentifier(table)} ENABLE TRIGGER ${quoteIdentifier(name)};`;
}
