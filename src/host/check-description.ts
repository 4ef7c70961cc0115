import { suggestionFor } from '../suggestion.js';
import { type CatalogColumn, type CatalogTable, columnOf, type HostCatalog } from './catalog.js';
import { bonusTypeFaults } from './check-bonus-types.js';
import { rolledBackFaults } from './check-rolled-back.js';
import { CODE_RULES, COUNTING, type ColumnRule, LIMITING, USE_RULES } from './column-rules.js';
import { type CodeColumn, type HostDescription, type HostTable, snakeCase, type UseColumn } from './description.js';
import { withoutUnusable } from './effective.js';
import type { DescriptionFault } from './fault.js';
import { familyOf, isCitext, kindOf, STRINGS } from './types.js';

/** The options of an installation that ask more of the tables. */
export interface CheckedOptions {
  counterWrites: 'allow' | 'ignore' | 'reject';
  enforceLimits: boolean;
  granularity: 'auto' | 'statement' | 'row';
  history: boolean;
}

/** What is not as it was described, or cannot serve. */
export interface DescriptionCheck {
  /** Why the triggers cannot count; the installation is refused. */
  faults: DescriptionFault[];
  /** Why codes cannot be redeemed through the library; counting works all the same. */
  notRedeemable: DescriptionFault[];
}

/** Compares a description with what the catalogs say of the tables, and finds all faults at once. */
export function checkDescription(
  described: HostDescription,
  catalog: HostCatalog,
  options: CheckedOptions,
): DescriptionCheck {
  const check: DescriptionCheck = { faults: [], notRedeemable: [] };
  const description = withoutUnusable(described, catalog.tables);
  if (!catalog.hasSchema) check.faults.push({ path: description.schema, is: 'is not a schema of this database' });
  for (const part of ['codes', 'uses'] as const) {
    const path = `${description.schema}.${description[part].name}`;
    const table = catalog.tables[part];
    if (!table) check.faults.push({ path, is: 'does not exist' });
    else if (table.kind !== 'r' && table.kind !== 'p') check.faults.push({ path, is: 'is not a table' });
    else {
      check.faults.push(...tableFaults(part, path, table, description, options));
      checkColumns(part, path, table, description, options, check);
    }
  }
  checkTogether(description, catalog, options, check);
  return check;
}

function tableFaults(
  part: HostTable,
  path: string,
  table: CatalogTable,
  description: HostDescription,
  { counterWrites, granularity }: CheckedOptions,
): DescriptionFault[] {
  const faults: DescriptionFault[] = [];
  if (table.hasChildren)
    faults.push({ path, is: 'has inheritance children, whose rows statement triggers do not see' });
  if (part === 'uses') {
    const is = "is a child of another table, whose statements granularity 'statement' does not see";
    if (table.isChild && granularity === 'statement') faults.push({ path, is, mayBe: "with 'auto' or 'row'" });
    return faults;
  }
  const id = description.codes.columns.id ?? '';
  const isThere = table.columns.some(({ name }) => name === id);
  if (table.kind === 'r' && isThere && !table.uniqueColumns.includes(id)) {
    faults.push({ path: `${path}.${id}`, role: 'id', is: 'has no unique index of its own' });
  }
  if (table.kind === 'p' && counterWrites !== 'allow') {
    const reason = 'a code that changes its partition is written anew';
    faults.push({ path, is: `is partitioned, which goes with counterWrites 'allow' only: ${reason}` });
  }
  return faults;
}

function checkColumns(
  part: HostTable,
  path: string,
  table: CatalogTable,
  description: HostDescription,
  options: CheckedOptions,
  check: DescriptionCheck,
): void {
  const rules: Record<string, ColumnRule> = part === 'codes' ? CODE_RULES : USE_RULES;
  const described: Record<string, string | null> = description[part].columns;
  const counted = countedRoles(part, description, options);
  for (const [name, rule] of Object.entries(rules)) {
    const role = name as CodeColumn | UseColumn;
    const column = described[role] ?? null;
    const isCounted = counted.includes(role);
    if (column === null) {
      const fault = { path, is: `has no column described as ${role}, which redeeming needs` };
      if (rule.isNeededToRedeem) check.notRedeemable.push(fault);
      continue;
    }
    const found = table.columns.find((candidate) => candidate.name === column);
    const at = { path: `${path}.${column}`, role };
    if (!found) {
      // What was named on purpose has to be there.
      const list = isCounted || column !== snakeCase(role) ? check.faults : check.notRedeemable;
      list.push({ ...at, is: `does not exist${nearColumn(column, table, Object.values(described))}` });
      continue;
    }
    const is = columnFault(found, role, rule, isCounted);
    if (is) (isCounted ? check.faults : check.notRedeemable).push({ ...at, ...is });
    else if (found.generated !== '' && rule.isWritten) {
      const remedy = role === 'totalReward' || role === 'usedAt' ? `; described as ${role}: null it is left alone` : '';
      check.notRedeemable.push({ ...at, is: `is a generated column, which redeeming writes${remedy}` });
    }
  }
}

function countedRoles(part: HostTable, description: HostDescription, { enforceLimits }: CheckedOptions): string[] {
  const isSummed = description.codes.columns.totalBonusIssued !== null;
  const roles: string[] = [...COUNTING[part], ...(enforceLimits ? LIMITING[part] : [])];
  return part === 'uses' && isSummed ? [...roles, 'bonusAmount'] : roles;
}

function columnFault(
  column: CatalogColumn,
  role: string,
  { types }: ColumnRule,
  isCounted: boolean,
): Pick<DescriptionFault, 'is' | 'mayBe'> | undefined {
  if (!types.includes(kindOf(column))) {
    return { is: `is ${column.type}`, mayBe: `${types.length > 1 ? 'one of: ' : ''}${types.join(', ')}` };
  }
  if (isCounted && (column.generated === 'v' || (column.generated === 's' && role !== 'bonusAmount'))) {
    return { is: 'is a generated column, which the triggers cannot read or write' };
  }
  if (/,-/.test(column.width)) return { is: `is ${column.type}, which rounds whole numbers` };
  return undefined;
}

/** A column that is there, not described, and called almost so. */
function nearColumn(name: string, table: CatalogTable, described: (string | null)[]): string {
  const others = table.columns.map((column) => column.name).filter((column) => !described.includes(column));
  const meant = suggestionFor(name, others);
  return meant === undefined ? '' : `; is ${meant} meant?`;
}

/** What concerns more than one column. */
function checkTogether(
  description: HostDescription,
  catalog: HostCatalog,
  { enforceLimits, history }: CheckedOptions,
  { faults, notRedeemable }: DescriptionCheck,
): void {
  const { codes, uses } = catalog.tables;
  const pathOf = (part: HostTable, column: string) => `${description.schema}.${description[part].name}.${column}`;
  if (enforceLimits) faults.push(...limitFaults(description));
  if (history && description.uses.columns.id === null) {
    const path = `${description.schema}.${description.uses.name}`;
    faults.push({ path, is: 'has no column described as id, by which the history knows a use' });
  }
  if (!codes || !uses) return;

  const id = columnOf(description, catalog, 'codes', 'id');
  const reference = columnOf(description, catalog, 'uses', 'promoCodeId');
  const [wantedId, givenId] = [id && idFamilyOf(id), reference && idFamilyOf(reference)];
  if (id && reference && wantedId && givenId && wantedId !== givenId) {
    const at = { path: pathOf('uses', reference.name), role: 'promoCodeId' } as const;
    faults.push({ ...at, is: `is ${reference.type}`, mayBe: `of the type of ${pathOf('codes', id.name)}, ${id.type}` });
  }

  const shop = columnOf(description, catalog, 'codes', 'shopId');
  const shopOfUse = columnOf(description, catalog, 'uses', 'shopId');
  if (shopOfUse && shop) {
    const [family, wanted] = [familyOf(shopOfUse), familyOf(shop)];
    const isText = family === 'text' || family === 'character';
    if (family && wanted && !isText && family !== wanted) {
      const at = { path: pathOf('uses', shopOfUse.name), role: 'shopId' } as const;
      notRedeemable.push({
        ...at,
        is: `is ${shopOfUse.type}`,
        mayBe: `of the type of ${pathOf('codes', shop.name)}, ${shop.type}`,
      });
    }
  } else if (
    shopOfUse?.notNull &&
    !shopOfUse.hasDefault &&
    !uses.filledByTriggers &&
    description.codes.columns.shopId === null
  ) {
    const at = { path: pathOf('uses', shopOfUse.name), role: 'shopId' } as const;
    notRedeemable.push({ ...at, is: 'is NOT NULL without a default, and codes have no shop to fill it with' });
  }

  const useId = columnOf(description, catalog, 'uses', 'id');
  if (useId && !uses.filledByTriggers) notRedeemable.push(...useIdFaults(useId, pathOf('uses', useId.name)));
  const bonusType = columnOf(description, catalog, 'codes', 'bonusType');
  if (bonusType) {
    const checked = bonusTypeFaults(bonusType, description.codes.bonusTypes, pathOf('codes', bonusType.name));
    faults.push(...checked.faults);
    notRedeemable.push(...checked.notRedeemable);
  }
  if (description.uses.rolledBack !== null) {
    const checked = rolledBackFaults(
      description.uses.rolledBack,
      uses,
      `${description.schema}.${description.uses.name}`,
    );
    faults.push(...checked.faults);
    notRedeemable.push(...checked.notRedeemable);
  }
}

/** What is no type for ids has a fault of its own. */
function idFamilyOf(column: CatalogColumn): string | undefined {
  return isCitext(column.baseType) ? undefined : familyOf(column);
}

function limitFaults({ schema, codes, uses }: HostDescription): DescriptionFault[] {
  const { totalUsageLimit, perCustomerLimit, maxTotalBonus } = codes.columns;
  if (totalUsageLimit === null && perCustomerLimit === null && maxTotalBonus === null) {
    const is =
      'has no column described as totalUsageLimit, perCustomerLimit or maxTotalBonus, so that enforceLimits has no limit ' +
      'to enforce';
    return [{ path: `${schema}.${codes.name}`, is }];
  }
  if (perCustomerLimit === null || uses.columns.customerAddress !== null) return [];
  const is = 'has no column described as customerAddress, which enforceLimits needs for perCustomerLimit';
  return [{ path: `${schema}.${uses.name}`, is }];
}

/** A random uuid serves where nothing else gives an id: in a uuid column, and in one that has room for its text. */
function useIdFaults(column: CatalogColumn, path: string): DescriptionFault[] {
  if (column.hasDefault || column.generated !== '' || familyOf(column) === undefined || column.baseType === 'uuid')
    return [];
  const length = /\((\d+)\)$/.exec(column.width)?.[1];
  if (
    STRINGS.includes(column.baseType) &&
    (length === undefined ? column.baseType !== 'character' : Number(length) >= 36)
  )
    return [];
  return [
    { path, role: 'id', is: 'has no default, and no trigger that could fill it: a use that is recorded needs an id' },
  ];
}
