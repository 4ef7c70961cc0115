import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog, CatalogFunction, CatalogOwnTable, Grant } from './catalog.js';
import { CAMPAIGNS, type FunctionDefinition, HISTORY, type Wanted } from './definition.js';

const TABLE_RIGHTS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
/** Of the sequence of the ids of campaigns: redemptions read from it whether there has been one. */
const SEQUENCE_RIGHTS = ['USAGE'];
/** Triggers write these, with the rights of their owner. */
const READ_ONLY: ReadonlySet<string> = new Set([HISTORY, 'promo_code_carried_totals', 'promo_code_carried_customers']);
const READ_ONLY_RIGHTS = ['SELECT'];
/** What nobody gets by accident: others may look, where the owner lets them. */
const WRITES = /^(INSERT|UPDATE|DELETE|TRUNCATE|REFERENCES|TRIGGER)$/;

/** Who redeems beside the owner of the library's objects: the roles that are named, and the owners of the host's tables. */
function redeemersOf({ options }: Wanted, { tables, missingRoles }: Catalog): string[] {
  const owners = [tables.codes?.owner, tables.uses?.owner].flatMap((name) => name ?? []);
  return [...new Set([...options.grantTo, ...owners])].filter((name) => !missingRoles.includes(name)).sort();
}

/** Of an object of this owner, who has all rights without being given any. */
function othersThan(owner: string | undefined, roles: string[], { role }: Catalog): string[] {
  return roles.filter((name) => name !== (owner ?? role));
}

/** Roles that have redeemed and shall no more. */
function formerRedeemers(redeemers: string[], { ownTables }: Catalog): Set<string> {
  const writers = ownTables
    .filter(({ name, inLibrary, ours }) => inLibrary && ours && !READ_ONLY.has(name))
    .flatMap(({ grants }) => grants.filter(({ privilege }) => WRITES.test(privilege)).map(({ grantee }) => grantee));
  return new Set(writers.flatMap((name) => (name === null || redeemers.includes(name) ? [] : [name])));
}

/** Those who may install here: what they have of the schema is theirs. */
function isInstaller(name: string | null, { functions, tables, role }: Catalog): boolean {
  const owners = functions.filter(({ inLibrary, trusted }) => inLibrary && trusted).map(({ owner }) => owner);
  return name !== null && [role, tables.codes?.owner, ...owners].includes(name);
}

/** The statements that give the schema of the library the rights that it should have. */
export function schemaRights(wanted: Wanted, catalog: Catalog): string[] {
  const { library } = catalog;
  const schema = `SCHEMA ${quoteIdentifier(wanted.layout.librarySchema)}`;
  const redeemers = redeemersOf(wanted, catalog);
  const grants = library?.grants ?? [];
  const former = formerRedeemers(redeemers, catalog);
  const excess = grants.filter(
    ({ grantee, privilege }) =>
      grantee === null || former.has(grantee) || (privilege === 'CREATE' && !isInstaller(grantee, catalog)),
  );
  return [
    ...excess.map(({ grantee, privilege }) => `REVOKE ${privilege} ON ${schema} FROM ${roleName(grantee)};`),
    ...missingGrants(othersThan(library?.owner, redeemers, catalog), ['USAGE'], grants).map(
      ({ grantee, rights }) => `GRANT ${rights} ON ${schema} TO ${roleName(grantee)};`,
    ),
  ];
}

/** The same for one of its tables. */
export function tableRights(
  wanted: Wanted,
  catalog: Catalog,
  name: string,
  found: Pick<CatalogOwnTable, 'grants' | 'owner' | 'isPartition'> | undefined,
): string[] {
  const isReadOnly = READ_ONLY.has(name) || found?.isPartition === true;
  const table = `${quoteIdentifier(wanted.layout.librarySchema)}.${quoteIdentifier(name)}`;
  const redeemers = redeemersOf(wanted, catalog);
  const grants = found?.grants ?? [];
  // Who redeems no more reads no more of what redeeming reads.
  const former = isReadOnly ? formerRedeemers(redeemers, catalog) : new Set<string | null>();
  const excess = new Set(
    grants
      .filter(
        ({ grantee, privilege }) =>
          grantee === null ||
          former.has(grantee) ||
          (WRITES.test(privilege) && (isReadOnly || !redeemers.includes(grantee))),
      )
      .map(({ grantee }) => grantee),
  );
  const rights = found?.isPartition ? [] : isReadOnly ? READ_ONLY_RIGHTS : TABLE_RIGHTS;
  const left = grants.filter(({ grantee }) => !excess.has(grantee));
  const sequence =
    name === CAMPAIGNS ? `SEQUENCE ${quoteIdentifier(wanted.layout.librarySchema)}.${name}_id_seq` : undefined;
  const targets = [table, ...(sequence ? [sequence] : [])];
  const missing = (wantedRights: string[]) =>
    missingGrants(othersThan(found?.owner, redeemers, catalog), wantedRights, left);
  return [
    ...[...excess].flatMap((grantee) => targets.map((target) => `REVOKE ALL ON ${target} FROM ${roleName(grantee)};`)),
    ...missing(rights).map(({ grantee, rights }) => `GRANT ${rights} ON ${table} TO ${roleName(grantee)};`),
    ...(sequence ? missing(SEQUENCE_RIGHTS) : []).map(
      ({ grantee, rights }) => `GRANT ${rights} ON ${sequence} TO ${roleName(grantee)};`,
    ),
  ];
}

/** The same for one of its functions. What no redeemer calls is for nobody but the owner. */
export function executeRights(
  wanted: Wanted,
  catalog: Catalog,
  { name, arguments: types, isForRedeemers }: FunctionDefinition,
  found: Pick<CatalogFunction, 'grants' | 'owner'> | undefined,
): string[] {
  const path = `FUNCTION ${quoteIdentifier(wanted.layout.librarySchema)}.${quoteIdentifier(name)}(${types})`;
  const redeemers = isForRedeemers ? redeemersOf(wanted, catalog) : [];
  const grants = (found?.grants ?? []).map((grantee) => ({ grantee, privilege: 'EXECUTE' }));
  const excess = grants.filter(({ grantee }) => grantee === null || !redeemers.includes(grantee));
  return [
    ...excess.map(({ grantee }) => `REVOKE ALL ON ${path} FROM ${roleName(grantee)};`),
    ...missingGrants(othersThan(found?.owner, redeemers, catalog), ['EXECUTE'], grants).map(
      ({ grantee, rights }) => `GRANT ${rights} ON ${path} TO ${roleName(grantee)};`,
    ),
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
