import { InsufficientPrivilegeError } from '../errors.js';
import type { Catalog } from '../inspect/catalog.js';

/** Throws before anything is tried when the current role cannot install, with the SQL that the owner has to run. */
export function requirePrivileges(schema: string, catalog: Catalog, sql: string): void {
  const lacks: string[] = [];
  if (!catalog.schema?.create) lacks.push(`CREATE on schema ${schema}`);
  for (const table of catalog.tables) {
    const path = `${schema}.${table.name}`;
    if (!table.mayAddTriggers) lacks.push(`TRIGGER on ${path}`);
    if (!table.mayRead) lacks.push(`SELECT on ${path}`);
    if (table.name === 'promo_codes' && !table.mayUpdate) lacks.push(`UPDATE on ${path}`);
    if (table.rowSecurity) lacks.push(`BYPASSRLS (row-level security hides rows of ${path} from it)`);
  }
  if (lacks.length > 0) throw insufficient(schema, catalog, `it lacks ${lacks.join(', ')}`, sql);
}

export function insufficient(
  schema: string,
  catalog: Catalog,
  reason: string,
  sql: string,
  details: { sqlState?: string; cause?: unknown } = {},
): InsufficientPrivilegeError {
  const owners = [...new Set(catalog.tables.map(({ owner }) => owner))].join(', ') || catalog.schema?.owner;
  return new InsufficientPrivilegeError(
    `The role ${catalog.role} may not install the triggers of pg-promo-codes in schema ${schema}: ${reason}. ` +
      `Let the owner of the tables (${owners}) call installTriggers() once, or run the SQL in this error's "sql" ` +
      "(all of it: renderSql('triggers')); afterwards this role gets through without any DDL.",
    { ...details, sql },
  );
}
