import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog, CatalogFunction, CatalogTrigger } from './catalog.js';
import {
  CODE_INDEX,
  CUSTOMER_INDEX,
  type FunctionDefinition,
  functionDefinitions,
  functionNames,
  type IndexDefinition,
  LIMITER_TABLE,
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
   * fire; `newer`: from a newer version of the library; `foreign`: the host's own, either an unknown trigger that writes
   * the counters, or something that has the name of an object of ours and is left alone (then `reason` says what it is).
   */
  state: 'ok' | 'missing' | 'outdated' | 'disabled' | 'newer' | 'foreign';
  /** SQL that puts it right; `null` where nothing has to be or can be done by SQL. */
  fix: string | null;
  /** Only where the host has something of this name: what it is. The installation then refuses. */
  reason?: string;
}

/** The same with the statements of `fix` one by one: some drivers take no more than one at a time. */
export interface ComparedObject extends ObjectState {
  statements: string[];
}

/** Compares the catalogs with what the options ask for. Reads nothing but its arguments. */
export function compareObjects(schema: string, options: TriggerOptions, catalog: Catalog): ComparedObject[] {
  const triggers = triggerDefinitions(schema, options, catalog);
  return [
    ...tableDefinitions(schema).flatMap((expected) => tableState(schema, expected, catalog)),
    ...functionDefinitions(schema).map((expected) => functionState(schema, expected, catalog)),
    ...triggers.map((expected) => triggerState(schema, expected, catalog)),
    ...catalog.triggers.flatMap((found) => unexpectedTrigger(schema, found, triggers)),
    ...catalog.functions.flatMap((found) => obsoleteFunction(schema, found)),
    ...(options.enforceLimits ? [indexState(schema, catalog, CUSTOMER_INDEX)] : []),
  ];
}

/** The highest revision of the library's SQL among the installed functions; 0 where there is none. */
export function installedRevision(catalog: Catalog): number {
  return Math.max(0, ...catalog.functions.map(revisionOf));
}

type Identity = Pick<ObjectState, 'kind' | 'name' | 'table'>;

function compared(object: Identity, state: ObjectState['state'], statements: string[] = []): ComparedObject {
  return { ...object, state, fix: statements.length > 0 ? statements.join('\n') : null, statements };
}

/** Something of the host's that has the name of an object of ours. `fix` gets it out of the way, for the host to run. */
function taken(object: Identity, reason: string, fix: string): ComparedObject {
  return { ...object, state: 'foreign', fix, statements: [], reason };
}

function functionState(schema: string, expected: FunctionDefinition, catalog: Catalog): ComparedObject {
  const found = catalog.functions.find((candidate) => isFunction(candidate, expected));
  const object = { kind: 'function', name: expected.name } as const;
  if (!found) return compared(object, 'missing', expected.statements);
  if (revisionOf(found) > SQL_REVISION) return compared(object, 'newer');
  // Where the library is installed, its names are its own: a body without our mark is one that was edited.
  if (revisionOf(found) === 0 && !found.countsOnly && installedRevision(catalog) === 0) {
    const signature = `${schema}.${found.name}(${found.arguments})`;
    return taken(
      object,
      `${signature} is a function of the host's own, neither this library's nor the plain counting of the seed`,
      `ALTER FUNCTION ${functionPath(schema, found)} RENAME TO ${quoteIdentifier(`host_${found.name}`)};`,
    );
  }
  const same =
    found.source === expected.source &&
    found.securityDefiner === expected.securityDefiner &&
    found.publicMayExecute === expected.publicMayExecute &&
    hasSettings(found, schema, expected) &&
    (found.ownedByTableOwner || !found.ownedBySuperuser);
  if (same) return compared(object, 'ok');
  // What it answers, and what its parameters are called, may have changed with the revision, and neither can be replaced.
  const isEarlier = revisionOf(found) > 0 && revisionOf(found) < SQL_REVISION && !found.returnsTrigger;
  const drop = isEarlier ? [`DROP FUNCTION ${functionPath(schema, found)};`] : [];
  return compared(object, 'outdated', [...drop, ...expected.statements]);
}

/** A function of an earlier revision, recognised by its mark, that this one has no more or has with other parameters. */
function obsoleteFunction(schema: string, found: CatalogFunction): ComparedObject[] {
  const revision = revisionOf(found);
  if (revision === 0 || revision > SQL_REVISION || isExpected(found)) return [];
  return [
    compared({ kind: 'function', name: found.name }, 'outdated', [`DROP FUNCTION ${functionPath(schema, found)};`]),
  ];
}

function functionPath(schema: string, { name, quotedArguments }: CatalogFunction): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}(${quotedArguments})`;
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

/**
 * Tables are migrated, not replaced: what creates one also adds the columns that an earlier version did not have, and drops its
 * constraints. One of the
 * host's that has the name of the limiter's, which only an option needs, stays the host's.
 */
function tableState(schema: string, expected: TableDefinition, catalog: Catalog): ComparedObject[] {
  const object = { kind: 'table', name: expected.name } as const;
  const found = catalog.ownTables.find(({ name }) => name === expected.name);
  if (!found) return [compared(object, 'missing', expected.statements)];
  if (!found.ours) {
    if (expected.name === LIMITER_TABLE) return [];
    const path = `${quoteIdentifier(schema)}.${quoteIdentifier(expected.name)}`;
    return [
      taken(
        object,
        `${schema}.${expected.name} is a table of the host's own, where this library needs one of this name`,
        `ALTER TABLE ${path} RENAME TO ${quoteIdentifier(`host_${expected.name}`)};`,
      ),
    ];
  }
  const same =
    found.rowSecurity &&
    expected.columns.every((column) => found.columns.includes(column)) &&
    !expected.formerChecks.some((check) => found.checks?.includes(check));
  return [same ? compared(object, 'ok') : compared(object, 'outdated', expected.statements)];
}

function isFunction(found: CatalogFunction, expected: Pick<FunctionDefinition, 'name' | 'arguments'>): boolean {
  return found.name === expected.name && found.arguments === expected.arguments;
}

const expectedFunctions = functionDefinitions('public');

function isExpected(found: CatalogFunction): boolean {
  return expectedFunctions.some((expected) => isFunction(found, expected));
}

/** Whether a function is the library's, of whatever revision; a host may have others of the same name. */
export function isOurs(found: CatalogFunction): boolean {
  return revisionOf(found) > 0;
}

function revisionOf({ source }: Pick<CatalogFunction, 'source'>): number {
  return Number(/^\s*-- pg-promo-codes (\d+)$/m.exec(source)?.[1] ?? 0);
}

function triggerState(schema: string, expected: TriggerDefinition, catalog: Catalog): ComparedObject {
  const found = catalog.triggers.find(
    ({ name, tableSchema, table, isClone }) =>
      name === expected.name && tableSchema === expected.tableSchema && table === expected.table && !isClone,
  );
  const object = { kind: 'trigger', name: expected.name, table: `${expected.tableSchema}.${expected.table}` } as const;
  if (!found) return compared(object, 'missing', [expected.statement]);
  if (!mayReplace(schema, found)) {
    const onTable = `${quoteIdentifier(found.tableSchema)}.${quoteIdentifier(found.table)}`;
    return taken(
      object,
      `${found.name} on ${object.table} is a trigger of the host's own: it calls ${found.functionSchema}.${found.function}(), ` +
        'which does something else than the plain counting of the seed',
      `ALTER TRIGGER ${quoteIdentifier(found.name)} ON ${onTable} RENAME TO ${quoteIdentifier(`host_${found.name}`)};`,
    );
  }
  const same =
    found.definition === expected.definition && found.functionSchema === schema && found.function === expected.function;
  if (!same) return compared(object, 'outdated', replaceTrigger(expected, catalog));
  return fires(found) ? compared(object, 'ok') : compared(object, 'disabled', [enableTrigger(found)]);
}

/** Ours, or the seed's own, which our triggers take the place of. */
function mayReplace(schema: string, found: CatalogTrigger): boolean {
  if (found.functionSchema === schema && functionNames.has(found.function)) return true;
  return found.countsOnly || revisionOf({ source: found.functionSource }) > 0;
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

/**
 * An index of the host that serves is enough. One that was left behind by a build that failed is built anew; one of the host
 * that only has the name keeps it.
 */
function indexState(schema: string, catalog: Catalog, definition: IndexDefinition): ComparedObject {
  const { table, columns, kind } = definition;
  const serving = catalog.indexes.find((index) => index.valid && index[kind]);
  if (serving) return compared({ kind: 'index', name: definition.name }, 'ok');
  const isOurName = (name: string) => name.replace(/_\d+$/, '') === definition.name;
  const left = catalog.indexes.find((index) => !index.valid && index[kind] && isOurName(index.name));
  const name = left?.name ?? freeName(definition.name, catalog);
  const object = { kind: 'index', name } as const;
  const partitioned = catalog.tables.some((found) => found.name === table && found.kind === 'p');
  const concurrently = partitioned ? '' : 'CONCURRENTLY ';
  const drop = `DROP INDEX ${concurrently}${quoteIdentifier(schema)}.${name};`;
  const create = `CREATE INDEX ${concurrently}${name} ON ${quoteIdentifier(schema)}.${table} ${columns};`;
  return compared(object, left ? 'outdated' : 'missing', left ? [drop, create] : [create]);
}

function freeName(name: string, { takenNames }: Catalog): string {
  if (!takenNames.includes(name)) return name;
  let suffix = 2;
  while (takenNames.includes(`${name}_${suffix}`)) suffix += 1;
  return `${name}_${suffix}`;
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
