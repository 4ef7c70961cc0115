import type { CatalogColumn, HostCatalog } from './catalog.js';
import { COUNTING } from './column-rules.js';
import { CODE_COLUMNS, type HostDescription, snakeCase, USE_COLUMNS } from './description.js';

/**
 * A column under its usual name that is not there is one that the host does not have, as long as counting can do without it:
 * a host that only counts need not say so. A counter that is not there has to be described as `null`.
 */
export function withoutMissingColumns(description: HostDescription, { tables }: HostCatalog): HostDescription {
  const { codes, uses } = description;
  const ofUses = [...COUNTING.uses, ...(codes.columns.totalBonusIssued === null ? [] : ['bonusAmount'])];
  return {
    ...description,
    codes: { ...codes, columns: present(CODE_COLUMNS, codes.columns, tables.codes?.columns, COUNTING.codes) },
    uses: { ...uses, columns: present(USE_COLUMNS, uses.columns, tables.uses?.columns, ofUses) },
  };
}

/** @param counted roles that counting needs, unless they are described as `null` */
function present<Role extends string>(
  roles: readonly Role[],
  described: Record<Role, string | null>,
  columns: readonly CatalogColumn[] | undefined,
  counted: readonly string[],
): Record<Role, string | null> {
  const isMissing = (role: Role) =>
    columns !== undefined &&
    !counted.includes(role) &&
    described[role] === snakeCase(role) &&
    !columns.some(({ name }) => name === described[role]);
  return Object.fromEntries(roles.map((role) => [role, isMissing(role) ? null : described[role]])) as Record<
    Role,
    string | null
  >;
}
