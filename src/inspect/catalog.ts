import inspectSql from '../../sql/installation/inspect.sql';
import { PromoCodesError } from '../errors.js';
import { type Asked, askedVariables } from '../host/asked.js';
import type { CatalogTable as DescribedTable, HostCatalog } from '../host/catalog.js';
import { describeTables, type HostTable } from '../host/description.js';
import { fromStoredText } from '../host/installation.js';
import { withRules } from '../host/rules.js';
import type { Database } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';
import { renderSqlText } from '../postgres/sql-text.js';
import { withConnection } from '../postgres/transaction.js';
import { revisionOf } from './marks.js';

/** What the system catalogs say of an installation and of its host, as `sql/installation/inspect.sql` reports it. */
export interface Catalog {
  /** Where the host's tables are, or would be. */
  schemaName: string;
  /** Where the library is, or would be. */
  librarySchema: string;
  /** What the installation stores of itself. */
  stored: string | null;
  /** The library schemas of all installations in question. */
  installations: string[];
  role: string;
  isolation: string;
  readOnly: boolean;
  /** The session's, which is the database's where nobody has set it. */
  timeZone: string;
  /** Whether the server knows the time zone that is asked for. */
  knowsTimeZone: boolean;
  mayCreateSchemas: boolean;
  schema: {
    owner: string;
    usage: boolean;
    create: boolean;
    /** Roles other than the owners of schema and tables who may create objects in it, `PUBLIC` among them. */
    creators: string[] | null;
  } | null;
  library: {
    owner: string;
    /** Whether the current role has the rights of the owner. */
    mine: boolean;
    trusted: boolean;
    usage: boolean;
    create: boolean;
    isExtension: boolean;
    grants: Grant[];
  } | null;
  tables: { [Table in HostTable]?: CatalogTable };
  /** Tables of codes, with their schema, that the functions of the library count in beside those that are asked for. */
  otherTables: string[];
  /** Tables with the names of the library's own, in its schema and in that of the host; others are somebody else's. */
  ownTables: CatalogOwnTable[];
  /** The partitions of the uses, at every level: each can be named by a statement. */
  partitions: CatalogPartition[];
  functions: CatalogFunction[];
  triggers: CatalogTrigger[];
  indexes: CatalogIndex[];
  /** Roles that are to redeem and do not exist; the catalogs are asked only where one has no right yet. */
  missingRoles: string[];
  /** Whether there has been a campaign. */
  hasCampaigns: boolean;
  /** Names that an index of ours might get and that are in use. */
  takenNames: string[];
}

/** A partition of the uses. */
export interface CatalogPartition {
  schema: string;
  name: string;
  /** `pg_class.relkind`: `r` for a leaf, `p` for one that has partitions itself, `f` for a foreign table. */
  kind: string;
}

/** A right of another role than the owner; `null` is PUBLIC. */
export interface Grant {
  grantee: string | null;
  privilege: string;
}

interface CatalogTable extends DescribedTable {
  name: string;
  owner: string;
  /** Whether the current role has the rights of the owner, as building an index takes. */
  mine: boolean;
  mayUpdate: boolean;
  mayAddTriggers: boolean;
}

export interface CatalogOwnTable {
  name: string;
  schema: string;
  /** Otherwise it is in the schema of the host, where earlier versions put it. */
  inLibrary: boolean;
  owner: string;
  mine: boolean;
  trusted: boolean;
  rowSecurity: boolean;
  /** Types by name. */
  columns: Record<string, string>;
  grants: Grant[];
  ours: boolean;
  /** Of the history a partition; only its rights matter. */
  isPartition: boolean;
  /** Its triggers of the library that fire. */
  triggers: string[];
  /** Of the history: whether it has a partition for the next month. Of other tables always. */
  isReady: boolean;
}

export interface CatalogFunction {
  name: string;
  schema: string;
  /** Otherwise it is in the schema of the host, where earlier versions put it. */
  inLibrary: boolean;
  /** Types, without quotes. */
  arguments: string;
  /** Types as SQL takes them. */
  quotedArguments: string;
  returnsTrigger: boolean;
  /** What it answers, with the names of types as `arguments` has them. */
  result: string;
  owner: string;
  /** Whether the current role may alter it. */
  mine: boolean;
  /** Whether its owner may be relied on, as the rule `trusted_owner` has it. */
  trusted: boolean;
  /** A function of a superuser on somebody else's table would lend its rights to that table's triggers. */
  ownedBySuperuser: boolean;
  ownedByTableOwner: boolean;
  /** The body; of one with our mark the mark alone, since the bodies are long. */
  source: string;
  /** What tells marked bodies apart. */
  digest: string | null;
  securityDefiner: boolean;
  settings: string[] | null;
  /** Whether a trigger of another table calls it. */
  calledElsewhere: boolean;
  /** Who may execute it beside the owner; `null` is PUBLIC. */
  grants: (string | null)[];
  comment: string | null;
}

export interface CatalogTrigger {
  name: string;
  tableSchema: string;
  table: string;
  /** The host table that it is on, or that its partition belongs to. */
  part: HostTable;
  /** `pg_trigger.tgenabled`: `O` fires, `A` fires always, `D` is disabled, `R` fires on a replica only. */
  enabled: string;
  /** A row trigger that a partition has from its parent. */
  isClone: boolean;
  /** Without schemas and quotes; `null` for a trigger with a WHEN clause, which none of ours has. */
  definition: string | null;
  functionSchema: string;
  function: string;
  /** As the `source` of a function. */
  functionSource: string;
}

export interface CatalogIndex {
  part: HostTable;
  name: string;
  valid: boolean;
  isPartial: boolean;
  /** The columns of its key in order; empty where an expression stands. */
  keys: string[];
  /** The functions and the columns of its expressions. */
  functions: string[] | null;
  ofColumns: string[] | null;
  /** Whether the library has built it. */
  mine: boolean | null;
}

const statement = withRules(inspectSql);

/**
 * Reads the catalogs in one statement that takes no lock on the host's tables. Where it is left open in which schema the library
 * is and none says that it is for these tables, their triggers say so, as after the schema of the host was renamed: then it
 * takes two. So it does where the tables that it is for are gone.
 */
export async function readCatalog(db: Database, asked: Asked): Promise<Catalog> {
  const catalog = await readOnce(db, asked);
  if (isOfPredecessors(catalog, asked)) {
    return readOnce(db, { ...asked, librarySchema: catalog.librarySchema, tables: {} });
  }
  const isOpen = asked.librarySchema === undefined && catalog.installations.length === 0;
  const trigger = isOpen ? triggerOfAnother(catalog) : undefined;
  if (!trigger) return catalog;
  return readOnce(db, { ...asked, schema: catalog.schemaName, librarySchema: trigger.functionSchema });
}

/** Tables of other names than the usual ones are gone, and nobody says that those which have their names now are meant. */
function isOfPredecessors({ stored, triggers }: Catalog, { tables }: Asked): boolean {
  const remembered = fromStoredText(stored)?.description;
  if (!remembered || tables || triggers.some(isOurs)) return false;
  const usual = describeTables(remembered.schema);
  return remembered.codes.name !== usual.codes.name || remembered.uses.name !== usual.uses.name;
}

/** A trigger that counts for an installation in another schema than that of the library. */
export function triggerOfAnother({ triggers, librarySchema, schemaName }: Catalog): CatalogTrigger | undefined {
  return triggers.find((trigger) => isOurs(trigger) && ![librarySchema, schemaName].includes(trigger.functionSchema));
}

/** Whether a trigger calls a function of the library. */
export function isOurs({ functionSource }: CatalogTrigger): boolean {
  return revisionOf({ source: functionSource }) > 0;
}

async function readOnce(db: Database, asked: Asked): Promise<Catalog> {
  const { rows } = await withConnection(db, (connection) =>
    connection.query(renderSqlText(statement, askedVariables(asked))),
  ).catch((error: unknown) => {
    throw translateError(error);
  });
  const text: unknown = rows[0]?.catalog;
  if (typeof text !== 'string') {
    throw new PromoCodesError('UNEXPECTED_ANSWER', 'The query on the system catalogs returned no row.');
  }
  const found = JSON.parse(text);
  const lists = [
    'installations',
    'otherTables',
    'ownTables',
    'partitions',
    'functions',
    'triggers',
    'indexes',
    'takenNames',
  ];
  const tables = Object.fromEntries(
    (found.tables ?? []).map((table: CatalogTable & { part: HostTable }) => [
      table.part,
      { ...table, uniqueColumns: table.uniqueColumns ?? [], columns: table.columns ?? [] },
    ]),
  );
  const withLists = (objects: object[]) => objects.map((object) => ({ ...object, ...emptyGrants(object) }));
  const catalog = {
    ...found,
    missingRoles: [],
    ...Object.fromEntries(lists.map((list) => [list, found[list] ?? []])),
    tables,
  };
  return {
    ...catalog,
    library: catalog.library && { ...catalog.library, ...emptyGrants(catalog.library) },
    ownTables: withLists(catalog.ownTables),
    functions: withLists(catalog.functions),
  };
}

function emptyGrants(object: { grants?: unknown[] | null }): { grants: unknown[] } {
  return { grants: object.grants ?? [] };
}

/** The part of the catalog that a description is checked against. */
export function hostCatalogOf({ schema, timeZone, tables }: Catalog): HostCatalog {
  return { hasSchema: schema !== null, timeZone, tables };
}
