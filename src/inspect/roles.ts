import { ValidationError } from '../errors.js';
import type { Queryable } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';
import { withConnection } from '../postgres/transaction.js';
import type { Catalog } from './catalog.js';
import type { Wanted } from './definition.js';
import type { ChosenOptions } from './options.js';

/** Whether a role that is to redeem may not exist: one that has a right in the schema of the library does. */
export function needsMoreRoles({ options }: Wanted, { library, role }: Catalog): boolean {
  const known = [role, library?.owner, ...(library?.grants ?? []).map(({ grantee }) => grantee)];
  return options.grantTo.some((name) => !known.includes(name));
}

/** Those of the roles that do not exist. */
export async function missingRoles(db: Queryable, roles: readonly string[]): Promise<string[]> {
  const { rows } = await withConnection(db, (connection) =>
    connection.query(
      `SELECT w.role FROM pg_catalog.unnest($1::pg_catalog.text[]) AS w(role)
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname::pg_catalog.text = w.role)`,
      [roles],
    ),
  ).catch((error: unknown) => {
    throw translateError(error);
  });
  return rows.map(({ role }) => String(role));
}

/** @throws ValidationError that names the roles of the option `grantTo` that do not exist. */
export function requireRoles({ grantTo = [] }: ChosenOptions, { missingRoles }: Catalog): void {
  const issues = grantTo.flatMap((role, place) =>
    missingRoles.includes(role)
      ? [{ path: `grantTo.${place}`, message: 'must be the name of a role that exists', received: `'${role}'` }]
      : [],
  );
  if (issues.length > 0) throw new ValidationError(issues);
}
