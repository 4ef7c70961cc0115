import { type CatalogColumn, columnOf, type HostCatalog } from './catalog.js';
import type { HostDescription, HostTypes } from './description.js';

/** The base types that columns may be of, by what they hold. */
export const WHOLE = ['smallint', 'integer', 'bigint'];
export const EXACT = [...WHOLE, 'numeric'];
export const STRINGS = ['text', 'character varying', 'character'];
export const TIMES = ['timestamp with time zone', 'timestamp without time zone', 'date'];

/** Those in which ids, customers, shops and transactions are compared with each other. */
export type TypeFamily = 'whole' | 'text' | 'character' | 'uuid';

/** What a column is compared as; nothing for what is no identifier. */
export function familyOf({ baseType }: Pick<CatalogColumn, 'baseType'>): TypeFamily | undefined {
  if (WHOLE.includes(baseType)) return 'whole';
  if (baseType === 'uuid' || baseType === 'character') return baseType;
  return STRINGS.includes(baseType) || isCitext(baseType) ? 'text' : undefined;
}

/** What rules for columns call it: any enum is `enum`. */
export function kindOf({ baseType, enumLabels }: Pick<CatalogColumn, 'baseType' | 'enumLabels'>): string {
  if (enumLabels !== null) return 'enum';
  return isCitext(baseType) ? 'citext' : baseType;
}

/** The extension may be in any schema, which is part of the name where it is not on the path. */
export function isCitext(baseType: string): boolean {
  return baseType === 'citext' || baseType.endsWith('.citext');
}

/**
 * The types of ids as SQL takes them: parameters and arrays are cast to them.
 *
 * - Whole numbers are all `bigint`: the id of codes and what refers to it may be of different sizes, and a cast to the smaller
 *   would fail for a use of a code that is not there. The columns themselves are not cast: `pg_catalog` has operators for all
 *   pairs, which their indexes serve.
 * - `character varying` is `text` here: the cast of such a column to text is a relabelling, so its index serves comparisons
 *   with text, and `text = text` is the only operator for both.
 * - `character(n)` is `bpchar`, which neither cuts nor pads. Compared as text, such a column would first lose its trailing
 *   spaces in a function, and no index would serve; compared as `bpchar`, its own equality and order hold.
 * - `citext` is no type for ids: its operators are those of an extension, in a schema that is on no path here. Compared as
 *   text, rows that a foreign key takes for the same would differ, and no index would serve.
 * - Of a domain it is the type below, to which the server takes it without a conversion.
 */
export function typesOf(description: HostDescription, catalog: HostCatalog): HostTypes {
  const ids = [
    ['code_id', columnOf(description, catalog, 'codes', 'id')],
    ['promo_code_id', columnOf(description, catalog, 'uses', 'promoCodeId')],
    ['use_id', columnOf(description, catalog, 'uses', 'id')],
  ] as const;
  const casts = ids.flatMap(([name, column]) =>
    column && !isComparedAsItIs(column) ? [[name, sqlType(column)] as const] : [],
  );
  const { rolledBack } = description.uses;
  const mark = catalog.tables.uses?.columns.find(({ name }) => name === rolledBack?.column);
  return {
    codeId: sqlType(columnOf(description, catalog, 'codes', 'id')),
    useId: sqlType(columnOf(description, catalog, 'uses', 'id')),
    ...(casts.length > 0 && { casts: Object.fromEntries(casts) }),
    ...(mark && { rolledBack: mark.sqlType }),
  };
}

/** A cast of `character(n)` to `bpchar` would keep the order of an index from being seen. */
function isComparedAsItIs(column: CatalogColumn): boolean {
  const family = familyOf(column);
  const isOwnType = family === 'character' ? column.type === column.width : column.type === sqlType(column);
  return family === 'whole' || isOwnType;
}

/** A host without ids of uses counts, and casts nothing to their type. */
function sqlType(column: CatalogColumn | undefined): string {
  switch (column && familyOf(column)) {
    case 'text':
      return 'text';
    case 'character':
      return 'bpchar';
    case 'uuid':
      return 'uuid';
    default:
      return 'bigint';
  }
}

/** How many decimal places the total can hold; infinitely many for a `numeric` without a scale. */
export function decimalsOfTotal(description: HostDescription, catalog: HostCatalog): number {
  const total = columnOf(description, catalog, 'codes', 'totalBonusIssued');
  if (total?.baseType !== 'numeric') return 0;
  const scale = /^numeric\(\d+,(-?\d+)\)$/.exec(total.width)?.[1];
  return scale === undefined ? Number.POSITIVE_INFINITY : Number(scale);
}
