import { InsufficientPrivilegeError } from '../errors.js';
import type { Catalog } from '../inspect/catalog.js';
import type { Choice } from '../inspect/installation.js';
import type { Changes } from './changes.js';

/** Throws before anything is tried when the current role cannot install, with the SQL that the owner has to run. */
export function requirePrivileges({ layout }: Choice, catalog: Catalog, changes: Changes, sql: () => string): void {
  const { schema, librarySchema } = layout;
  const lacks: string[] = [];
  if (!catalog.library && !catalog.mayCreateSchemas)
    lacks.push(`CREATE on the database, for the schema ${librarySchema}`);
  else if (catalog.library && !catalog.library.create && changes.functions.length + changes.altered.length > 0)
    lacks.push(`CREATE on schema ${librarySchema}`);
  else if (catalog.library && !catalog.library.mine && changes.replaced.includes(librarySchema))
    lacks.push(`the rights of ${catalog.library.owner}, the owner of schema ${librarySchema}`);
  for (const [part, table] of Object.entries(catalog.tables)) {
    const path = `${schema}.${table.name}`;
    if (!table.mayAddTriggers) lacks.push(`TRIGGER on ${path}`);
    if (!table.mayRead) lacks.push(`SELECT on ${path}`);
    if (part === 'codes' && !table.mayUpdate) lacks.push(`UPDATE on ${path}`);
    if (table.rowSecurity) lacks.push(`BYPASSRLS (row-level security hides rows of ${path} from it)`);
  }
  if (lacks.length > 0) throw insufficient(schema, catalog, `it lacks ${lacks.join(', ')}`, sql());
}

export function insufficient(
  schema: string,
  catalog: Catalog,
  reason: string,
  sql: string,
  details: { sqlState?: string; cause?: unknown } = {},
): InsufficientPrivilegeError {
  const owners =
    [...new Set(Object.values(catalog.tables).map(({ owner }) => owner))].join(', ') || catalog.schema?.owner;
  return new InsufficientPrivilegeError(
    `The role ${catalog.role} may not install the triggers of pg-promo-codes in schema ${schema}: ${reason}. ` +
      `Let the owner of the tables (${owners}) call installTriggers() once, or run the SQL in this error's "sql" ` +
      "(all of it: renderSql('triggers')); afterwards this role gets through without any DDL.",
    { ...details, sql },
  );
}
