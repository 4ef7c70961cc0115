import inspectSql from '../../sql/inspect.sql';
import { PromoCodesError } from '../errors.js';
import type { Database } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';
import { renderSqlText } from '../postgres/sql-text.js';
import { withConnection } from '../postgres/transaction.js';

/** What the system catalogs say of one schema, as `sql/inspect.sql` reports it. */
export interface Catalog {
  role: string;
  isolation: string;
  readOnly: boolean;
  /** The session's, which is the database's where nobody has set it. */
  timeZone: string;
  schema: {
    owner: string;
    usage: boolean;
    create: boolean;
    /** Roles other than the owners of schema and tables who may create objects in it, `PUBLIC` among them. */
    creators: string[] | null;
  } | null;
  tables: CatalogTable[];
  /** Tables with the names of the library's own; one that is not `ours` belongs to the host. */
  ownTables: { name: string; rowSecurity: boolean; columns: string[]; checks: string[] | null; ours: boolean }[];
  /** The partitions of `promo_code_uses`, at every level: each can be named by a statement. */
  partitions: { schema: string; name: string }[];
  functions: CatalogFunction[];
  triggers: CatalogTrigger[];
  /** Of `promo_code_uses`; `ofCustomer` marks those that find the uses of a code by a customer. */
  indexes: { name: string; valid: boolean; ofCode: boolean; ofCustomer: boolean }[];
  /** Names that an index of ours might get and that are in use. */
  takenNames: string[];
}

export interface CatalogTable {
  name: string;
  /** `pg_class.relkind`: `r` for a table, `p` for a partitioned one. */
  kind: string;
  owner: string;
  /** Whether the current role has the rights of the owner, as building an index takes. */
  mine: boolean;
  mayRead: boolean;
  mayUpdate: boolean;
  mayAddTriggers: boolean;
  /** Whether row-level security hides rows from the current role. */
  rowSecurity: boolean;
  /** Children by inheritance, which are not partitions. */
  hasChildren: boolean;
  /** Whether a unique index on the id alone exists. */
  uniqueId: boolean;
  /** `generated` as in `pg_attribute.attgenerated`: `s` stored, `v` virtual. */
  columns: { name: string; type: string; baseType: string; generated: '' | 's' | 'v' }[];
}

export interface CatalogFunction {
  name: string;
  /** Types, without quotes. */
  arguments: string;
  /** Types as SQL takes them. */
  quotedArguments: string;
  returnsTrigger: boolean;
  /** Whether it does what the seed's triggers do and nothing else: one UPDATE that counts. */
  countsOnly: boolean;
  owner: string;
  /** Whether the current role may alter it. */
  mine: boolean;
  /** A function of a superuser on somebody else's table would lend its rights to that table's triggers. */
  ownedBySuperuser: boolean;
  ownedByTableOwner: boolean;
  source: string;
  securityDefiner: boolean;
  settings: string[] | null;
  publicMayExecute: boolean;
  comment: string | null;
}

export interface CatalogTrigger {
  name: string;
  tableSchema: string;
  table: string;
  /** The host table that it is on, or that its partition belongs to. */
  hostTable: 'promo_codes' | 'promo_code_uses';
  /** `pg_trigger.tgenabled`: `O` fires, `A` fires always, `D` is disabled, `R` fires on a replica only. */
  enabled: string;
  /** A row trigger that a partition has from its parent. */
  isClone: boolean;
  /** Without schemas and quotes; `null` for a trigger with a WHEN clause, which none of ours has. */
  definition: string | null;
  functionSchema: string;
  function: string;
  functionSource: string;
  /** Whether its function does what the seed's triggers do and nothing else. */
  countsOnly: boolean;
}

/** Reads the catalogs in one statement that takes no lock on the host's tables. */
export async function readCatalog(db: Database, schema: string): Promise<Catalog> {
  const statement = renderSqlText(inspectSql, { schema });
  const { rows } = await withConnection(db, (connection) => connection.query(statement)).catch((error: unknown) => {
    throw translateError(error);
  });
  const text: unknown = rows[0]?.catalog;
  if (typeof text !== 'string') {
    throw new PromoCodesError('UNEXPECTED_ANSWER', 'The query on the system catalogs returned no row.');
  }
  const found = JSON.parse(text);
  const lists = ['tables', 'ownTables', 'partitions', 'functions', 'triggers', 'indexes', 'takenNames'];
  return { ...found, ...Object.fromEntries(lists.map((list) => [list, found[list] ?? []])) };
}
