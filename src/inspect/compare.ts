import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog, CatalogFunction, CatalogTrigger } from './catalog.js';
import {
  CUSTOMER_INDEX,
  CUSTOMER_INDEX_COLUMNS,
  type FunctionDefinition,
  functionDefinitions,
  functionNames,
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
  kind: 'table' | 'function' | 'trigger' | 'index';
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

/** Compares the catalogs with what the options ask for. Reads nothing but its arguments. */
export function compareObjects(schema: string, options: TriggerOptions, catalog: Catalog): ObjectState[] {
  const triggers = triggerDefinitions(schema, options, catalog);
  return [
    ...tableDefinitions(schema).map((expected) => tableState(expected, catalog)),
    ...functionDefinitions(schema).map((expected) => functionState(schema, expected, catalog)),
    ...triggers.map((expected) => triggerState(schema, expected, catalog)),
    ...catalog.triggers.flatMap((found) => unexpectedTrigger(schema, found, triggers)),
    ...(hasCustomers(catalog) ? [customerIndexState(schema, catalog)] : []),
  ];
}

/** The highest revision of the library's SQL among the installed functions; 0 where there is none. */
export function installedRevision(catalog: Catalog): number {
  return Math.max(0, ...catalog.functions.filter(({ name }) => functionNames.has(name)).map(revisionOf));
}

function functionState(schema: string, expected: FunctionDefinition, catalog: Catalog): ObjectState {
  const found = catalog.functions.find(
    (candidate) => candidate.name === expected.name && candidate.arguments === expected.arguments,
  );
  const object = { kind: 'function', name: expected.name } as const;
  if (!found) return { ...object, state: 'missing', fix: expected.statement };
  if (revisionOf(found) > SQL_REVISION) return { ...object, state: 'newer', fix: null };
  const same =
    found.source === expected.source &&
    found.securityDefiner === expected.securityDefiner &&
    found.publicMayExecute === expected.publicMayExecute &&
    sameSettings(schema, expected, found);
  return same ? { ...object, state: 'ok', fix: null } : { ...object, state: 'outdated', fix: expected.statement };
}

function sameSettings(schema: string, expected: FunctionDefinition, found: CatalogFunction): boolean {
  const [searchPath, ...others] = found.settings ?? [];
  return (
    [schema, quoteIdentifier(schema)].some((name) => searchPath === `search_path=pg_catalog, ${name}, pg_temp`) &&
    // PostgreSQL writes the name of a setting in its own way: TimeZone.
    others.join().toLowerCase() === expected.settings.join().toLowerCase()
  );
}

/** A table that is there is as the version that created it left it: tables are migrated, not replaced. */
function tableState(expected: TableDefinition, catalog: Catalog): ObjectState {
  const object = { kind: 'table', name: expected.name } as const;
  const found = catalog.ownTables.find(({ name }) => name === expected.name);
  if (!found) return { ...object, state: 'missing', fix: expected.statement };
  return found.rowSecurity
    ? { ...object, state: 'ok', fix: null }
    : { ...object, state: 'outdated', fix: expected.statement };
}

function revisionOf(found: CatalogFunction): number {
  return Number(/^\s*-- pg-promo-codes (\d+)$/m.exec(found.source)?.[1] ?? 0);
}

function triggerState(schema: string, expected: TriggerDefinition, catalog: Catalog): ObjectState {
  const found = catalog.triggers.find(
    ({ name, tableSchema, table, isClone }) =>
      name === expected.name && tableSchema === expected.tableSchema && table === expected.table && !isClone,
  );
  const object = { kind: 'trigger', name: expected.name, table: `${expected.tableSchema}.${expected.table}` } as const;
  if (!found) return { ...object, state: 'missing', fix: expected.statement };
  const same =
    found.definition === expected.definition && found.functionSchema === schema && found.function === expected.function;
  if (!same) return { ...object, state: 'outdated', fix: replaceTrigger(expected, catalog) };
  return fires(found)
    ? { ...object, state: 'ok', fix: null }
    : { ...object, state: 'disabled', fix: enableTrigger(found) };
}

/** A trigger of a partitioned table is not replaced in place: its clones on the partitions would stay as they were. */
function replaceTrigger(expected: TriggerDefinition, catalog: Catalog): string {
  const partitioned = catalog.tables.some(({ name, kind }) => name === expected.hostTable && kind === 'p');
  return partitioned ? `${dropTrigger(expected)}\n${expected.statement}` : expected.statement;
}

function unexpectedTrigger(schema: string, found: CatalogTrigger, expected: TriggerDefinition[]): ObjectState[] {
  const object = { kind: 'trigger', name: found.name, table: `${found.tableSchema}.${found.table}` } as const;
  if (found.isClone) {
    const ours = found.functionSchema === schema && functionNames.has(found.function);
    return ours && !fires(found) ? [{ ...object, state: 'disabled', fix: enableTrigger(found) }] : [];
  }
  const wanted = expected.some(
    ({ name, tableSchema, table }) => name === found.name && tableSchema === found.tableSchema && table === found.table,
  );
  if (wanted) return [];
  const callsOurs = found.functionSchema === schema && functionNames.has(found.function);
  if (triggerNames.has(found.name) && callsOurs) return [{ ...object, state: 'outdated', fix: dropTrigger(found) }];
  const foreign = callsOurs || writesCounters(found.functionSource);
  return foreign && fires(found) ? [{ ...object, state: 'foreign', fix: dropTrigger(found) }] : [];
}

function customerIndexState(schema: string, catalog: Catalog): ObjectState {
  const object = { kind: 'index', name: CUSTOMER_INDEX } as const;
  if (catalog.indexes.some(({ valid, definition }) => valid && servesCustomerLimit(definition))) {
    return { ...object, state: 'ok', fix: null };
  }
  const left = catalog.indexes.some(({ name }) => name === CUSTOMER_INDEX);
  const target = `${quoteIdentifier(schema)}.promo_code_uses`;
  const partitioned = catalog.tables.some(({ name, kind }) => name === 'promo_code_uses' && kind === 'p');
  const concurrently = partitioned ? '' : 'CONCURRENTLY ';
  const drop = left ? `DROP INDEX ${concurrently}${quoteIdentifier(schema)}.${CUSTOMER_INDEX};\n` : '';
  const create = `CREATE INDEX ${concurrently}${CUSTOMER_INDEX} ON ${target} ${CUSTOMER_INDEX_COLUMNS};`;
  return { ...object, state: left ? 'outdated' : 'missing', fix: drop + create };
}

/** Redeeming counts the uses of a customer, as enforceLimits does; a table without customers is only counted in. */
function hasCustomers({ tables }: Catalog): boolean {
  const uses = tables.find(({ name }) => name === 'promo_code_uses');
  return uses?.columns.some(({ name }) => name === 'customer_address') ?? false;
}

function servesCustomerLimit(definition: string): boolean {
  return (
    /\(promo_code_id, lower\(btrim\(\(?customer_address\)?(::text)?\)\)/.test(definition) && !/ WHERE /.test(definition)
  );
}

function fires({ enabled }: CatalogTrigger): boolean {
  return enabled === 'O' || enabled === 'A';
}

type OnTable = Pick<CatalogTrigger, 'name' | 'tableSchema' | 'table'>;

function dropTrigger({ name, tableSchema, table }: OnTable): string {
  return `DROP TRIGGER ${quoteIdentifier(name)} ON ${quoteIdentifier(tableSchema)}.${quoteIdentifier(table)};`;
}

function enableTrigger({ name, tableSchema, table }: OnTable): string {
  return `ALTER TABLE ${quoteIdentifier(tableSchema)}.${quoteIdentifier(table)} ENABLE TRIGGER ${quoteIdentifier(name)};`;
}
