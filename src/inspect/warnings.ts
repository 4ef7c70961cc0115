import type { Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog } from './catalog.js';
import { LIMITER_TABLE } from './definition.js';

const UTC = /^(?:etc\/)?(?:utc|uct|gmt|greenwich|universal|zulu)$/i;
const WITHOUT_ZONE = 'timestamp without time zone';
/** Columns by which hosts keep rows that are not to count. Nothing here counts them out. */
const SOFT_DELETE =
  /^(?:is_)?(?:deleted|voided|void|cancell?ed|rolled_?back|reverted|reversed|refunded|removed|revoked)(?:_(?:at|on|date|time))?$|^(?:status|state)$/i;
/** More rows are not looked at for unknown bonus types. */
const CODES_LOOKED_AT = 100_000;

/** What is installed and works, but may not do what the host expects; read from the catalog alone. */
export function warningsOf(schema: string, catalog: Catalog): string[] {
  const warnings: string[] = [];
  const columnsOf = (table: string) => catalog.tables.find(({ name }) => name === table)?.columns ?? [];

  const withoutZone = ['promo_codes', 'promo_code_uses'].flatMap((table) =>
    columnsOf(table)
      .filter(({ baseType }) => baseType === WITHOUT_ZONE)
      .map(({ name }) => `${table}.${name}`),
  );
  if (withoutZone.length > 0 && !UTC.test(catalog.timeZone)) {
    warnings.push(
      `${withoutZone.join(', ')}: without time zone, and the time zone of this database is ${catalog.timeZone}. The ` +
        'library reads and writes UTC there; what the database itself fills in, such as DEFAULT now(), is in its own zone.',
    );
  }

  const softDeletes = columnsOf('promo_code_uses').filter(({ name }) => SOFT_DELETE.test(name));
  for (const { name } of softDeletes) {
    warnings.push(
      `promo_code_uses.${name} looks as if it marks uses that do not count. Every row of promo_code_uses counts; ` +
        'a use that was rolled back has to be deleted.',
    );
  }

  if (catalog.schema?.creators?.length) {
    warnings.push(
      `${catalog.schema.creators.join(', ')} may create objects in schema ${schema}, where the triggers look for theirs. ` +
        `Take it back with REVOKE CREATE ON SCHEMA ${quoteIdentifier(schema)} FROM ` +
        `${catalog.schema.creators.map((role) => (role === 'PUBLIC' ? role : quoteIdentifier(role))).join(', ')}.`,
    );
  }

  if (catalog.ownTables.some(({ name, ours }) => name === LIMITER_TABLE && !ours)) {
    warnings.push(
      `${schema}.${LIMITER_TABLE} is a table of the host's own and is left alone. The option rateLimit of the repository ` +
        'needs a table of this name: do not use it, or rename the table and call installTriggers().',
    );
  }
  return warnings;
}

/** Bonus types that no bonus can be computed by, among the first codes of the table; reads the table itself. */
export async function bonusTypeWarnings(db: Queryable, schema: string, catalog: Catalog): Promise<string[]> {
  const codes = catalog.tables.find(({ name }) => name === 'promo_codes');
  if (!codes?.mayRead || codes.rowSecurity || !codes.columns.some(({ name }) => name === 'bonus_type')) return [];
  const { rows } = await db.query(
    `SELECT DISTINCT c.type FROM (
       SELECT c.bonus_type::text AS type FROM ${quoteIdentifier(schema)}.promo_codes AS c LIMIT ${CODES_LOOKED_AT}
     ) AS c WHERE c.type NOT IN ('fixed', 'percentage') ORDER BY c.type LIMIT 5`,
  );
  if (rows.length === 0) return [];
  return [
    `promo_codes.bonus_type has values other than fixed and percentage: ${rows.map(({ type }) => `'${type}'`).join(', ')}. ` +
      'Their uses are counted, but no bonus can be computed for them: redeem them with bonusAmount.',
  ];
}
