import { quoteIdentifier } from '../postgres/identifiers.js';
import { type CatalogColumn, columnOf, type HostCatalog } from './catalog.js';
import { CODE_COLUMNS, type HostDescription, type HostTable, USE_COLUMNS } from './description.js';
import { SOFT_DELETE } from './soft-delete.js';
import { foldWord } from './structure.js';

const UTC = /^(?:etc\/)?(?:utc|uct|gmt|gmt[+-]?0|greenwich|universal|zulu)$/i;
const WITHOUT_ZONE = ['timestamp without time zone', 'date'];
/** More rows are not looked at for unknown bonus types. */
const CODES_LOOKED_AT = 100_000;
const MOST_SHOWN = 5;

/** What can be installed, but may not do what the host expects; from the catalog alone. */
export function hostWarnings(description: HostDescription, catalog: HostCatalog): string[] {
  return [
    ...zoneWarnings(description, catalog),
    ...softDeleteWarnings(description, catalog),
    ...clockWarnings(description),
  ];
}

function clockWarnings({ testClock }: HostDescription): string[] {
  if (!testClock) return [];
  return [
    'This installation is for tests: whoever may redeem can set the present that dates are compared with. ' +
      'installTriggers() with testClock: false ends that.',
  ];
}

/** The server fills in its own time where the library reads that of the description. */
function zoneWarnings(description: HostDescription, catalog: HostCatalog): string[] {
  if (isSameZone(description.timeZone, catalog.timeZone)) return [];
  const columns = [
    ...CODE_COLUMNS.map((role) => ['codes', columnOf(description, catalog, 'codes', role)] as const),
    ...USE_COLUMNS.map((role) => ['uses', columnOf(description, catalog, 'uses', role)] as const),
  ].flatMap(([part, column]) =>
    column && WITHOUT_ZONE.includes(column.baseType) && column.defaultsToNow
      ? [`${description[part as HostTable].name}.${column.name}`]
      : [],
  );
  if (columns.length === 0) return [];
  return [
    `${columns.join(', ')}: without time zone, and the default is the time in the zone of the session, which is ` +
      `${catalog.timeZone} here. The library reads and writes ${description.timeZone} there (option timeZone). Where they ` +
      `differ, ALTER DATABASE … SET timezone = '${description.timeZone}', or let the default be now() AT TIME ZONE ` +
      `'${description.timeZone}'.`,
  ];
}

function isSameZone(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase() || (UTC.test(one) && UTC.test(other));
}

function softDeleteWarnings({ uses }: HostDescription, catalog: HostCatalog): string[] {
  const described = [...Object.values(uses.columns), uses.rolledBack?.column];
  const looksDeleted = ({ name }: CatalogColumn) => SOFT_DELETE.test(name) && !described.includes(name);
  return (catalog.tables.uses?.columns.filter(looksDeleted) ?? []).map(
    ({ name }) =>
      `${uses.name}.${name} looks as if it marks uses that do not count. ` +
      (uses.rolledBack === null
        ? `Every row of ${uses.name} counts; a use that was rolled back has to be deleted, or the column declared with ` +
          'the option tables.uses.rolledBack.'
        : `Only ${uses.rolledBack.column} is declared as such (option tables.uses.rolledBack).`),
  );
}

/** A statement on the host's table of codes. */
export interface BonusTypeQuery {
  text: string;
  values: unknown[];
}

/**
 * The query for bonus types that no bonus can be computed by, among the first codes of the table; one column `type`. Nothing
 * where the host has none, or where this role does not see all rows.
 */
export function bonusTypeQuery(description: HostDescription, catalog: HostCatalog): BonusTypeQuery | undefined {
  const { schema, codes } = description;
  const column = columnOf(description, catalog, 'codes', 'bonusType');
  const table = catalog.tables.codes;
  if (!column || !table?.mayRead || table.rowSecurity) return undefined;
  return {
    text: `SELECT DISTINCT c.type FROM (
       SELECT c.${quoteIdentifier(column.name)}::pg_catalog.text AS type
         FROM ${quoteIdentifier(schema)}.${quoteIdentifier(codes.name)} AS c LIMIT ${CODES_LOOKED_AT}
     ) AS c
      WHERE pg_catalog.lower(pg_catalog.btrim(c.type) COLLATE pg_catalog."C") <> ALL ($1::pg_catalog.text[])
      ORDER BY c.type LIMIT ${MOST_SHOWN}`,
    values: [[...codes.bonusTypes.fixed, ...codes.bonusTypes.percentage].map(foldWord)],
  };
}

/** The warning about bonus types that `bonusTypeQuery` has found. */
export function bonusTypeWarnings({ codes }: HostDescription, types: readonly string[]): string[] {
  if (types.length === 0) return [];
  const { fixed, percentage } = codes.bonusTypes;
  return [
    `${codes.name}.${codes.columns.bonusType} has values other than ${[...fixed, ...percentage].join(' and ')}: ` +
      `${types.map((type) => `'${type}'`).join(', ')}. Their uses are counted, but no bonus can be computed for them: redeem ` +
      'them with bonusAmount, or name them in the option tables.codes.bonusTypes.',
  ];
}
