import type { CatalogColumn, HostCatalog } from './catalog.js';
import { CODE_RULES, COUNTING } from './column-rules.js';
import {
  CODE_COLUMNS,
  type CodeColumn,
  EXTRA_COLUMNS,
  type HostDescription,
  snakeCase,
  USE_COLUMNS,
} from './description.js';
import { kindOf } from './types.js';

/** A description without what is not there, and the roles that may come to be there. */
export type EffectiveDescription = HostDescription & { notThere: readonly CodeColumn[] };

/**
 * A column under its usual name that is not there is one that the host does not have, as long as counting can do without it:
 * a host that only counts need not say so. A counter that is not there has to be described as `null`.
 */
export function withoutMissingColumns(described: HostDescription, { tables }: HostCatalog): EffectiveDescription {
  const description = withoutUnusable(described, tables);
  const { codes, uses } = description;
  const ofUses = [...COUNTING.uses, ...(codes.columns.totalBonusIssued === null ? [] : ['bonusAmount'])];
  return {
    ...description,
    codes: { ...codes, columns: present(CODE_COLUMNS, codes.columns, tables.codes?.columns, COUNTING.codes) },
    uses: { ...uses, columns: present(USE_COLUMNS, uses.columns, tables.uses?.columns, ofUses) },
  };
}

/** Whether a column that nobody has described serves for the role whose name it has. A budget is for bonuses. */
function serves(role: CodeColumn, { uses }: HostDescription, tables: HostCatalog['tables']): boolean {
  if (!tables.codes) return true;
  const bonus = uses.columns.bonusAmount;
  const hasBonuses = bonus !== null && tables.uses?.columns.some(({ name }) => name === bonus) !== false;
  if (!hasBonuses && (role === 'maxTotalBonus' || role === 'budgetOverrun')) return false;
  const found = tables.codes.columns.find(({ name }) => name === snakeCase(role));
  return found !== undefined && found.generated === '' && CODE_RULES[role].types.includes(kindOf(found));
}

/** A description without columns for budgets and the like that nobody has described, and that are not there or cannot serve. */
export function withoutUnusable(description: HostDescription, tables: HostCatalog['tables']): EffectiveDescription {
  const { columns } = description.codes;
  return withoutColumns(
    description,
    EXTRA_COLUMNS.filter((role) => columns[role] === snakeCase(role) && !serves(role, description, tables)),
  );
}

/** A description of a host that does not have these columns, as far as is known. */
export function withoutColumns(description: HostDescription, notThere: readonly CodeColumn[]): EffectiveDescription {
  const { codes } = description;
  const without = Object.fromEntries(notThere.map((role) => [role, null]));
  return { ...description, codes: { ...codes, columns: { ...codes.columns, ...without } }, notThere };
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
