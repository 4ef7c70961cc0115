import type { CodeColumn, HostDescription, HostTable, UseColumn } from './description.js';

/** What the system catalogs say of the tables that a description names, as `sql/installation/inspect.sql` and `sql/installation/host.sql` report it. */
export interface HostCatalog {
  hasSchema: boolean;
  /** The session's, which is the database's where nobody has set it. */
  timeZone: string;
  tables: { [Table in HostTable]?: CatalogTable };
}

/** A table of the host. */
export interface CatalogTable {
  /** `pg_class.relkind`: `r` for a table, `p` for a partitioned one. */
  kind: string;
  mayRead: boolean;
  /** Whether row-level security hides rows from the current role. */
  rowSecurity: boolean;
  /** Children by inheritance, which are not partitions. */
  hasChildren: boolean;
  /** Whether it is such a child, or a partition: what is written through its parent fires none of its statement triggers. */
  isChild: boolean;
  /** Whether a trigger of the host may fill columns that are not written. */
  filledByTriggers: boolean;
  /** Columns that are unique on their own, for all rows. */
  uniqueColumns: string[];
  columns: CatalogColumn[];
}

/** A column of the host. */
export interface CatalogColumn {
  name: string;
  /** As it was declared: `numeric(18,2)`, `character varying(42)`, the name of a domain. */
  type: string;
  /** Without its width, and of a domain the type below it: `numeric`, `character varying`. */
  baseType: string;
  /** As SQL takes it under any search_path. */
  sqlType: string;
  /** The base type with its width: `numeric(18,2)`. */
  width: string;
  /** Of an enum its labels in order. */
  enumLabels: string[] | null;
  notNull: boolean;
  /** Whether it gets a value where none is written: a default, an identity, the default of its domain. */
  hasDefault: boolean;
  /** The default where it is a constant, as a literal. */
  defaultConstant: string | null;
  /** Whether the default is the current time in the time zone of the session. */
  defaultsToNow: boolean;
  /** `pg_attribute.attgenerated`: `s` stored, `v` virtual. */
  generated: '' | 's' | 'v';
  /** `pg_attribute.attidentity`: `a` always, `d` by default. */
  identity: '' | 'a' | 'd';
}

/** The column that has a role, where the host has it. */
export function columnOf(
  description: HostDescription,
  catalog: HostCatalog,
  ...[table, role]: ['codes', CodeColumn] | ['uses', UseColumn]
): CatalogColumn | undefined {
  const name = table === 'codes' ? description.codes.columns[role] : description.uses.columns[role];
  return catalog.tables[table]?.columns.find((column) => column.name === name);
}
