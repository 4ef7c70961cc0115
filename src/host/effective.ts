import type { CatalogColumn, HostCatalog } from './catalog.js';
import { CODE_COLUMNS, type HostDescription, snakeCase, USE_COLUMNS } from './description.js';

/**
 * A column under its usual name that is not there is one that the host does not have, as long as counting can do without it:
 * a host that only counts need not say so.
 */
export function withoutMissingColumns(description: HostDescription, { tables }: HostCatalog): HostDescription {
  const present = <Role extends string>(
    roles: readonly Role[],
    described: Record<Role, string | null>,
    columns: readonly CatalogColumn[] | undefined,
  ) =>
    Object.fromEntries(
      roles.map((role) => {
        const name = described[role];
        const isMissing =
          columns !== undefined && name === snakeCase(role) && !columns.some((column) => column.name === name);
        return [role, isMissing ? null : name];
      }),
    ) as Record<Role, string | null>;
  const { codes, uses } = description;
  return {
    ...description,
    codes: { ...codes, columns: present(CODE_COLUMNS, codes.columns, tables.codes?.columns) },
    uses: { ...uses, columns: present(USE_COLUMNS, uses.columns, tables.uses?.columns) },
  };
}
