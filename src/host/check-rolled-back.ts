import type { CatalogColumn, CatalogTable } from './catalog.js';
import type { DescriptionCheck } from './check-description.js';
import type { RolledBack } from './description.js';
import { STRINGS, TIMES, WHOLE } from './types.js';

const STATUS_TYPES = [...STRINGS, 'enum', 'boolean', ...WHOLE];
const BITS: Record<string, bigint> = { smallint: 15n, integer: 31n, bigint: 63n };

/** How uses are rolled back, against the column that says so. */
export function rolledBackFaults(rolledBack: RolledBack, uses: CatalogTable, tablePath: string): DescriptionCheck {
  const check: DescriptionCheck = { faults: [], notRedeemable: [] };
  const at = { path: `${tablePath}.${rolledBack.column}`, role: 'rolledBack' } as const;
  const column = uses.columns.find(({ name }) => name === rolledBack.column);
  if (!column) {
    check.faults.push({ ...at, is: 'does not exist' });
    return check;
  }
  const types = rolledBack.counts === undefined ? TIMES : STATUS_TYPES;
  if (!types.includes(column.enumLabels === null ? column.baseType : 'enum')) {
    const rule = rolledBack.counts === undefined ? ', or a status with counts and value' : '';
    check.faults.push({ ...at, is: `is ${column.type}`, mayBe: `one of: ${types.join(', ')}${rule}` });
    return check;
  }
  if (column.generated === 'v') {
    check.faults.push({ ...at, is: 'is a generated column, which the triggers cannot read or write' });
  } else if (column.generated === 's') {
    check.notRedeemable.push({ ...at, is: 'is a generated column, which rolling back writes' });
  }
  if (rolledBack.counts === undefined) checkTimestamp(column);
  else checkStatus(column, rolledBack);
  return check;

  function checkTimestamp({ notNull, hasDefault }: CatalogColumn): void {
    if (notNull) check.faults.push({ ...at, is: 'is NOT NULL', mayBe: 'nullable: NULL is a use that counts' });
    if (hasDefault) check.notRedeemable.push({ ...at, is: 'has a default, so that a new use would not count' });
  }

  function checkStatus(
    status: CatalogColumn,
    { counts, value, redeemed, reserved }: RolledBack & { counts: string[] },
  ): void {
    for (const text of new Set([...counts, value, redeemed, reserved])) {
      if (text === undefined) continue;
      const mayBe = whatHolds(status, text);
      if (mayBe !== undefined) check.faults.push({ ...at, is: `never holds '${text}'`, mayBe });
    }
    if (redeemed === undefined && !status.hasDefault && !uses.filledByTriggers && status.generated === '') {
      const is = 'has no default: rolledBack.redeemed says which value a new use gets';
      check.notRedeemable.push({ ...at, is });
    }
    const usual = redeemed === undefined ? constantOf(status) : undefined;
    if (usual !== undefined && !counts.includes(usual) && !uses.filledByTriggers) {
      const is =
        `has the default ${status.defaultConstant}, which is none of rolledBack.counts, so that a new use would not ` +
        'count: rolledBack.redeemed says which value it gets';
      check.notRedeemable.push({ ...at, is });
    }
  }
}

/** The default of a column, where it is a constant, as the server writes the value. */
function constantOf({ baseType, defaultConstant }: CatalogColumn): string | undefined {
  const text = defaultConstant?.replace(/^'([\s\S]*)'$/, '$1').replaceAll("''", "'");
  return baseType === 'character' ? text?.trimEnd() : text;
}

/** What the column may hold, where that is not this text. It is compared as the server writes the value. */
function whatHolds({ baseType, width, enumLabels }: CatalogColumn, text: string): string | undefined {
  if (enumLabels !== null) return enumLabels.includes(text) ? undefined : `one of its labels: ${enumLabels.join(', ')}`;
  if (baseType === 'boolean') return text === 'true' || text === 'false' ? undefined : 'true or false';
  const bits = BITS[baseType];
  if (bits !== undefined) {
    const isCanonical = /^(?:0|-?[1-9]\d{0,18})$/.test(text);
    return isCanonical && BigInt.asIntN(Number(bits) + 1, BigInt(text)) === BigInt(text)
      ? undefined
      : `a whole number of ${baseType}, written as 0, 7 or -7`;
  }
  if (baseType === 'character' && text.endsWith(' ')) return 'without trailing spaces, which character does not keep';
  const length = Number(/\((\d+)\)$/.exec(width)?.[1] ?? Number.POSITIVE_INFINITY);
  return [...text].length <= length ? undefined : `at most ${length} characters long`;
}
