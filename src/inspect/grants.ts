import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog, CatalogFunction, CatalogOwnTable, Grant } from './catalog.js';
import { type FunctionDefinition, functionDefinitions, tableDefinitions, type Wanted } from './definition.js';

const TABLE_RIGHTS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
/** What nobody gets by accident: others may look, where the owner lets them. */
const WRITES = /^(INSERT|UPDATE|DELETE|TRUNCATE|REFERENCES|TRIGGER)$/;

/** Who redeems beside the owner of the library's schema: the roles that are named, and the owners of the host's tables. */
export function redeemersOf({ options }: Wanted, { library, role, tables }: Catalog): string[] {
  const owner = library?.owner ?? role;
  const owners = [tables.codes?.owner, tables.uses?.owner].flatMap((name) => name ?? []);
  return [...new Set([...options.grantTo, ...owners])].filter((name) => name !== owner).sort();
}

/** The statements that give the schema of the library the rights that it should have. */
export function schemaRights(wanted: Wanted, catalog: Catalog): string[] {
  const { library } = catalog;
  const schema = `SCHEMA ${quoteIdentifier(wanted.layout.librarySchema)}`;
  const grants = library?.grants ?? [];
  const excess = grants.filter(({ grantee, privilege }) => grantee === null || privilege === 'CREATE');
  return [
    ...excess.map(({ grantee, privilege }) => `REVOKE ${privilege} ON ${schema} FROM ${roleName(grantee)};`),
    ...missingGrants(redeemersOf(wanted, catalog), ['USAGE'], grants).map(
      ({ grantee, rights }) => `GRANT ${rights} ON ${schema} TO ${roleName(grantee)};`,
    ),
  ];
}

/** The same for one of its tables. */
export function tableRights(
  wanted: Wanted,
  catalog: Catalog,
  name: string,
  found: Pick<CatalogOwnTable, 'grants'> | undefined,
): string[] {
  const table = `${quoteIdentifier(wanted.layout.librarySchema)}.${quoteIdentifier(name)}`;
  const redeemers = redeemersOf(wanted, catalog);
  const grants = found?.grants ?? [];
  const excess = new Set(
    grants
      .filter(({ grantee, privilege }) => grantee === null || (WRITES.test(privilege) && !redeemers.includes(grantee)))
      .map(({ grantee }) => grantee),
  );
  return [
    ...[...excess].map((grantee) => `REVOKE ALL ON ${table} FROM ${roleName(grantee)};`),
    ...missingGrants(redeemers, TABLE_RIGHTS, grants).map(
      ({ grantee, rights }) => `GRANT ${rights} ON ${table} TO ${roleName(grantee)};`,
    ),
  ];
}

/** The same for one of its functions. What no redeemer calls is for nobody but the owner. */
export function executeRights(
  wanted: Wanted,
  catalog: Catalog,
  { name, arguments: types, isForRedeemers }: FunctionDefinition,
  found: Pick<CatalogFunction, 'grants'> | undefined,
): string[] {
  const path = `FUNCTION ${quoteIdentifier(wanted.layout.librarySchema)}.${quoteIdentifier(name)}(${types})`;
  const redeemers = isForRedeemers ? redeemersOf(wanted, catalog) : [];
  const grants = (found?.grants ?? []).map((grantee) => ({ grantee, privilege: 'EXECUTE' }));
  const excess = grants.filter(({ grantee }) => grantee === null || !redeemers.includes(grantee));
  return [
    ...excess.map(({ grantee }) => `REVOKE ALL ON ${path} FROM ${roleName(grantee)};`),
    ...missingGrants(redeemers, ['EXECUTE'], grants).map(
      ({ grantee, rights }) => `GRANT ${rights} ON ${path} TO ${roleName(grantee)};`,
    ),
  ];
}

/** The rights of those who are named, for a script: without what is there already. */
export function grantsOf(wanted: Wanted): string[] {
  const library = quoteIdentifier(wanted.layout.librarySchema);
  const redeemers = wanted.options.grantTo.map(roleName).join(', ');
  if (redeemers === '') return [];
  return [
    `GRANT USAGE ON SCHEMA ${library} TO ${redeemers};`,
    ...tableDefinitions(wanted).map(
      ({ name }) => `GRANT ${TABLE_RIGHTS.join(', ')} ON ${library}.${name} TO ${redeemers};`,
    ),
    ...functionDefinitions(wanted)
      .filter(({ isForRedeemers }) => isForRedeemers)
      .map(({ name, arguments: types }) => `GRANT EXECUTE ON FUNCTION ${library}.${name}(${types}) TO ${redeemers};`),
  ];
}

function missingGrants(roles: string[], rights: string[], grants: Grant[]): { grantee: string; rights: string }[] {
  return roles.flatMap((grantee) => {
    const missing = rights.filter(
      (right) => !grants.some((grant) => grant.grantee === grantee && grant.privilege === right),
    );
    return missing.length > 0 ? [{ grantee, rights: missing.join(', ') }] : [];
  });
}

function roleName(role: string | null): string {
  return role === null ? 'PUBLIC' : quoteIdentifier(role);
}
