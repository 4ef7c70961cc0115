import type { Layout } from '../host/layout.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog, CatalogFunction, CatalogOwnTable, CatalogTrigger } from './catalog.js';
import {
  disableTrigger,
  type FunctionDefinition,
  functionDefinitions,
  functionNames,
  SQL_REVISION,
  type TableDefinition,
  type TriggerDefinition,
  tableDefinitions,
  triggerDefinitions,
  triggerNames,
  type Wanted,
} from './definition.js';
import { writesCounters } from './foreign-trigger.js';
import { executeRights, schemaRights, tableRights } from './grants.js';
import { handOver } from './hand-over.js';
import { customerIndexState } from './indexes.js';
import { countsOnly, revisionOf } from './marks.js';
import { type ComparedObject, compared, taken } from './object-state.js';
import { isByRow } from './sql-files.js';

/** Compares the catalogs with what is asked for. Reads nothing but its arguments. */
export function compareObjects(wanted: Wanted, catalog: Catalog): ComparedObject[] {
  const ofFormerOwner = handOver(wanted, catalog);
  if (ofFormerOwner) return [ofFormerOwner];
  const functions = functionDefinitions(wanted);
  const triggers = triggerDefinitions(wanted, catalog);
  return [
    ...schemaState(wanted, catalog),
    ...tableDefinitions(wanted).map((expected) => tableState(wanted, expected, catalog)),
    ...catalog.ownTables.flatMap((found) => partitionState(wanted, found, catalog)),
    ...functions.map((expected) => functionState(wanted, expected, catalog)),
    ...triggers.map((expected) => triggerState(wanted, expected, catalog)),
    ...catalog.triggers.flatMap((found) => unexpectedTrigger(wanted, found, triggers, catalog)),
    ...catalog.functions.flatMap((found) => obsoleteFunction(wanted, found, functions)),
    ...(wanted.options.enforceLimits ? customerIndexState(wanted.layout, catalog) : []),
  ];
}

/** The highest revision of the library's SQL among the installed functions; 0 where there is none. */
export function installedRevision(catalog: Catalog): number {
  return Math.max(0, ...catalog.functions.filter(({ trusted }) => trusted).map(revisionOf));
}

/** An installation that a newer version has made and this one can use: it is left as it is, so only what does not fire is a fault. */
export function compareNewer({ layout }: Wanted, catalog: Catalog): ComparedObject[] {
  const functions = catalog.functions.filter((found) => found.inLibrary && found.trusted && revisionOf(found) > 0);
  return [
    ...functions.map(({ name }) => compared({ kind: 'function', name }, 'ok')),
    ...catalog.triggers.flatMap((found) => {
      const object = { kind: 'trigger', name: found.name, table: `${found.tableSchema}.${found.table}` } as const;
      const isMarked = revisionOf({ source: found.functionSource }) > 0;
      if (isMarked && found.isClone && isByRow(found)) return [];
      if (isMarked && found.functionSchema === layout.librarySchema)
        return fires(found) ? [] : [compared(object, 'disabled', [enableTrigger(found)])];
      const foreign = fires(found) && (isMarked || writesCounters(found.functionSource, layout));
      return foreign ? [compared(object, 'foreign', [dropTrigger(found)])] : [];
    }),
  ];
}

/** Earlier versions, which know these names only, have put everything into the schema of the host. */
export function hasFormerLayout({ codes, uses }: Layout): boolean {
  return codes.name === 'promo_codes' && uses.name === 'promo_code_uses';
}

function schemaState(wanted: Wanted, catalog: Catalog): ComparedObject[] {
  const { schema, librarySchema } = wanted.layout;
  const name = quoteIdentifier(librarySchema);
  const object = { kind: 'schema', name: librarySchema } as const;
  // In the host's own schema it is the host that says who may do what.
  if (librarySchema === schema) return [];
  const rights = schemaRights(wanted, catalog);
  if (!catalog.library) return [compared(object, 'missing', [`CREATE SCHEMA IF NOT EXISTS ${name};`, ...rights])];
  if (catalog.library.isExtension || !catalog.library.trusted) {
    const owner = catalog.library.isExtension ? 'an extension' : `the role ${catalog.library.owner}`;
    return [
      taken(
        object,
        `the schema ${librarySchema} belongs to ${owner}; choose another one with the option librarySchema`,
        null,
      ),
    ];
  }
  return [rights.length === 0 ? compared(object, 'ok') : compared(object, 'outdated', rights)];
}

function functionState(wanted: Wanted, expected: FunctionDefinition, catalog: Catalog): ComparedObject {
  const { librarySchema } = wanted.layout;
  const same = (found: CatalogFunction) =>
    found.inLibrary && found.name === expected.name && found.arguments === expected.arguments;
  const found = catalog.functions.find(same);
  const object = { kind: 'function', name: expected.name } as const;
  const rights = executeRights(wanted, catalog, expected, found);
  if (!found) return compared(object, 'missing', [...expected.statements, ...rights]);
  if (revisionOf(found) > SQL_REVISION) return compared(object, 'newer');
  const signature = `${librarySchema}.${found.name}(${found.arguments})`;
  if (!found.trusted) {
    return taken(
      object,
      `the function ${signature} belongs to the role ${found.owner}`,
      `DROP FUNCTION ${functionPath(found)};`,
    );
  }
  // Where the library is installed, its names are its own: a body without our mark is one that was edited.
  const isInstalled = catalog.functions.some((other) => other.inLibrary && revisionOf(other) > 0);
  if (revisionOf(found) === 0 && !isInstalled && !countsOnly(found.source, wanted.layout)) {
    return taken(
      object,
      `${signature} is a function of the host's own, neither this library's nor the plain counting of the seed`,
      `ALTER FUNCTION ${functionPath(found)} RENAME TO ${quoteIdentifier(`host_${found.name}`)};`,
    );
  }
  const isSame =
    found.digest === expected.digest &&
    found.securityDefiner === expected.securityDefiner &&
    hasSettings(found, wanted, expected) &&
    (found.ownedByTableOwner || !found.ownedBySuperuser);
  if (isSame) return compared(object, rights.length === 0 ? 'ok' : 'outdated', rights);
  // What it answers may have changed with the revision or the type of an id, and what its parameters are called with the
  // revision: neither can be replaced.
  const isEarlier = revisionOf(found) > 0 && revisionOf(found) < SQL_REVISION && !found.returnsTrigger;
  const answersOtherwise = expected.result !== undefined && found.result !== expected.result;
  const drop = isEarlier || answersOtherwise ? [`DROP FUNCTION ${functionPath(found)};`] : [];
  return compared(object, 'outdated', [...drop, ...expected.statements, ...rights]);
}

/**
 * A function of an earlier revision, recognised by its mark, that this one has no more, or has elsewhere or with other
 * parameters; and the seed's own.
 */
function obsoleteFunction(wanted: Wanted, found: CatalogFunction, expected: FunctionDefinition[]): ComparedObject[] {
  const revision = revisionOf(found);
  if (revision > SQL_REVISION) return [];
  const isWanted = expected.some(({ name, arguments: types }) => found.name === name && found.arguments === types);
  if (found.inLibrary && (revision === 0 || isWanted)) return [];
  if (!found.inLibrary && !hasFormerLayout(wanted.layout)) return [];
  if (!found.trusted || found.calledElsewhere) return [];
  const isSeeds = functionNames.has(found.name) && found.returnsTrigger && countsOnly(found.source, wanted.layout);
  if (revision === 0 && !isSeeds) return [];
  return [compared({ kind: 'function', name: found.name }, 'outdated', [`DROP FUNCTION ${functionPath(found)};`])];
}

function functionPath({ schema, name, quotedArguments }: CatalogFunction): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}(${quotedArguments})`;
}

function hasSettings(
  { settings }: CatalogFunction,
  { layout: { schema } }: Wanted,
  expected: FunctionDefinition,
): boolean {
  // PostgreSQL quotes what it has to, with quote_all_identifiers also what it need not, and capitalises TimeZone.
  const plain = (setting: string) =>
    setting
      .replaceAll(quoteIdentifier(schema), () => schema)
      .replace(/"(pg_catalog|pg_temp)"/g, '$1')
      .replace(/^timezone=/i, 'timezone=');
  return (settings ?? []).map(plain).join('\n') === expected.settings.map(plain).join('\n');
}

/**
 * Tables are migrated, not replaced: what creates one also adds the columns that an earlier version did not have. A table
 * that an earlier version put into the schema of the host moves, with all that it remembers.
 */
function tableState(wanted: Wanted, expected: TableDefinition, catalog: Catalog): ComparedObject {
  const { librarySchema } = wanted.layout;
  const object = { kind: 'table', name: expected.name } as const;
  const named = catalog.ownTables.filter(({ name }) => name === expected.name);
  const found = named.find(({ inLibrary }) => inLibrary);
  const former = named.find(
    (table) => !table.inLibrary && table.ours && table.trusted && hasFormerLayout(wanted.layout),
  );
  const path = (schema: string) => `${quoteIdentifier(schema)}.${quoteIdentifier(expected.name)}`;
  const rights = (table: CatalogOwnTable | undefined) => tableRights(wanted, catalog, expected.name, table);
  if (!found && former) {
    return compared(object, 'outdated', [
      `ALTER TABLE ${path(former.schema)} SET SCHEMA ${quoteIdentifier(librarySchema)};`,
      ...expected.statements,
      ...rights(former),
    ]);
  }
  if (!found) return compared(object, 'missing', [...expected.statements, ...rights(undefined)]);
  if (!found.ours || !found.trusted) {
    const whose = found.ours ? `of the role ${found.owner}` : "of the host's own";
    return taken(
      object,
      `${librarySchema}.${expected.name} is a table ${whose}, where this library needs one of this name`,
      `ALTER TABLE ${path(found.schema)} RENAME TO ${quoteIdentifier(`host_${expected.name}`)};`,
    );
  }
  const isSame =
    found.isReady &&
    found.rowSecurity === expected.rowSecurity &&
    expected.triggers.every((trigger) => found.triggers.includes(trigger)) &&
    Object.entries(expected.columns).every(([column, type]) => found.columns[column] === type);
  const retyped = Object.entries(expected.columns).filter(
    ([column, type]) => found.columns[column] !== undefined && found.columns[column] !== type,
  );
  // A service of an earlier version may have made its own once more.
  const merge = former ? mergeTables(expected, former, path(librarySchema), path(former.schema)) : [];
  const statements = [
    ...(retyped.length > 0 ? retypeTable(path(librarySchema), retyped, expected.triggers) : []),
    ...(isSame ? [] : expected.statements),
    ...merge,
    ...rights(found),
  ];
  return compared(object, statements.length === 0 ? 'ok' : 'outdated', statements);
}

/** Ids of the host have another type than before. Policies and triggers keep their columns from being altered; they are made anew. */
function retypeTable(table: string, columns: [name: string, type: string][], triggers: readonly string[]): string[] {
  const changes = columns.map(([name, shown]) => {
    const type = shown === 'character' ? 'bpchar' : shown;
    return `ALTER COLUMN ${name} TYPE ${type} USING ${name}::text::${type}`;
  });
  return [
    ...triggers.map((trigger) => `DROP TRIGGER IF EXISTS ${trigger} ON ${table};`),
    `DROP POLICY IF EXISTS promo_code_redeemers ON ${table};`,
    `ALTER TABLE ${table} ${changes.join(', ')};`,
  ];
}

/** Of a partition of the history nobody but its owner may have a right that changes rows. */
function partitionState(wanted: Wanted, found: CatalogOwnTable, catalog: Catalog): ComparedObject[] {
  if (!found.isPartition || !found.inLibrary || !found.trusted) return [];
  const rights = tableRights(wanted, catalog, found.name, found);
  return rights.length === 0 ? [] : [compared({ kind: 'table', name: found.name }, 'outdated', rights)];
}

function mergeTables(expected: TableDefinition, former: CatalogOwnTable, into: string, from: string): string[] {
  const columns = Object.keys(expected.columns)
    .filter((column) => former.columns[column] !== undefined)
    .join(', ');
  return [
    `INSERT INTO ${into} (${columns}) SELECT ${columns} FROM ${from} ON CONFLICT DO NOTHING;`,
    `DROP TABLE ${from};`,
  ];
}

function triggerState(wanted: Wanted, expected: TriggerDefinition, catalog: Catalog): ComparedObject {
  const found = catalog.triggers.find(
    ({ name, tableSchema, table, isClone }) =>
      name === expected.name && tableSchema === expected.tableSchema && table === expected.table && !isClone,
  );
  const object = { kind: 'trigger', name: expected.name, table: `${expected.tableSchema}.${expected.table}` } as const;
  if (!found) return compared(object, 'missing', expected.statements);
  if (!mayReplace(wanted, found)) {
    const onTable = `${quoteIdentifier(found.tableSchema)}.${quoteIdentifier(found.table)}`;
    return taken(
      object,
      `${found.name} on ${object.table} is a trigger of the host's own: it calls ${found.functionSchema}.${found.function}(), ` +
        'which does something else than the plain counting of the seed',
      `ALTER TRIGGER ${quoteIdentifier(found.name)} ON ${onTable} RENAME TO ${quoteIdentifier(`host_${found.name}`)};`,
    );
  }
  const same =
    found.definition === expected.definition &&
    found.functionSchema === wanted.layout.librarySchema &&
    found.function === expected.function;
  if (!same) return compared(object, 'outdated', replaceTrigger(expected, catalog));
  return fires(found) ? compared(object, 'ok') : compared(object, 'disabled', [enableTrigger(found)]);
}

/** Ours, or the seed's own, which our triggers take the place of. */
function mayReplace({ layout }: Wanted, found: CatalogTrigger): boolean {
  if (found.functionSchema === layout.librarySchema && functionNames.has(found.function)) return true;
  return revisionOf({ source: found.functionSource }) > 0 || countsOnly(found.functionSource, layout);
}

/**
 * A constraint trigger cannot be replaced in place; neither is a trigger of a partitioned table, whose clones on the
 * partitions would stay as they were.
 */
function replaceTrigger(expected: TriggerDefinition, { tables }: Catalog): string[] {
  return tables[expected.part]?.kind === 'p' || !expected.statements[0]?.startsWith('CREATE OR REPLACE')
    ? [dropTrigger(expected), ...expected.statements]
    : expected.statements;
}

function unexpectedTrigger(
  { layout }: Wanted,
  found: CatalogTrigger,
  expected: TriggerDefinition[],
  { partitions }: Catalog,
): ComparedObject[] {
  const object = { kind: 'trigger', name: found.name, table: `${found.tableSchema}.${found.table}` } as const;
  const isInstalled = found.functionSchema === layout.librarySchema && functionNames.has(found.function);
  const callsOurs = isInstalled || revisionOf({ source: found.functionSource }) > 0;
  if (found.isClone && isInstalled && isByRow(found)) {
    const original = expected.some(({ name }) => name === found.name);
    const isLeaf = partitions.some(
      ({ schema, name, kind }) => schema === found.tableSchema && name === found.table && kind !== 'p',
    );
    if (!original || fires(found) !== isLeaf) return [];
    return isLeaf
      ? [compared(object, 'outdated', [disableTrigger(found)])]
      : [compared(object, 'disabled', [enableTrigger(found)])];
  }
  if (found.isClone) return isInstalled && !fires(found) ? [compared(object, 'disabled', [enableTrigger(found)])] : [];
  const wanted = expected.some(
    ({ name, tableSchema, table }) => name === found.name && tableSchema === found.tableSchema && table === found.table,
  );
  if (wanted) return [];
  if (triggerNames.has(found.name) && callsOurs) return [compared(object, 'outdated', [dropTrigger(found)])];
  const foreign = callsOurs || writesCounters(found.functionSource, layout);
  return foreign && fires(found) ? [compared(object, 'foreign', [dropTrigger(found)])] : [];
}

function fires({ enabled }: CatalogTrigger): boolean {
  return enabled === 'O' || enabled === 'A';
}

type OnTable = Pick<CatalogTrigger, 'name' | 'tableSchema' | 'table'>;

/** The statement that removes a trigger. */
export function dropTrigger({ name, tableSchema, table }: OnTable): string {
  return `DROP TRIGGER ${quoteIdentifier(name)} ON ${quoteIdentifier(tableSchema)}.${quoteIdentifier(table)};`;
}

/** Of a partitioned table its own trigger alone, where those of its partitions are to stay disabled. */
function enableTrigger({ name, tableSchema, table }: OnTable): string {
  return `ALTER TABLE ${isByRow({ name }) ? 'ONLY ' : ''}${quoteIdentifier(tableSchema)}.${quoteIdentifier(table)} ENABLE TRIGGER ${quoteIdentifier(name)};`;
}
