import similarTablesSql from '../../sql/installation/similar-tables.sql';
import type { Queryable } from '../postgres/database.js';
import { describeSimilar, type SimilarTable } from './similar-tables.js';

/** No longer list is of help. */
const MOST_NAMES = 10;
const SIMILAR = /promo|coupon|voucher|discount/i;

/**
 * A sentence or more for the message about missing tables: that there is no such schema, where such tables are, tables of
 * similar names, and how they would be described. Empty where there is nothing to say, or where the connection cannot be
 * asked any more. Reads system catalogs only.
 * @param names the tables that were looked for
 */
export async function hintForMissingTables(
  db: Queryable,
  schema: string,
  names: { codes: string; uses: string } = { codes: 'promo_codes', uses: 'promo_code_uses' },
): Promise<string> {
  try {
    const { rows } = await db.query(similarTablesSql, [schema, names.codes, names.uses]);
    const found = JSON.parse(String(rows[0]?.found));
    const schemas: string[] = found.schemas ?? [];
    const tables: SimilarTable[] = (found.tables ?? []).map((table: Partial<SimilarTable>) => ({
      ...table,
      references: table.references ?? [],
      columns: table.columns ?? [],
    }));
    const hints: string[] = [];
    if (!found.hasSchema) hints.push(`There is no schema ${schema}.`);
    if (schemas.length > 0) hints.push(`Tables of these names are in: ${schemas.join(', ')} (option schema).`);
    const isLookedFor = ({ name }: SimilarTable) => name === names.codes || name === names.uses;
    const likely = describeSimilar(schema, tables);
    // Tables of the names that were looked for are likelier than others, except where these are in the schema itself.
    const described = schemas.length > 0 && likely?.tables[0].schema !== schema ? undefined : likely;
    const similar = [...tables.filter(({ name }) => SIMILAR.test(name)), ...(described?.tables ?? [])];
    const listed = [...new Set(similar.filter((table) => !isLookedFor(table)).map(pathOf))].slice(0, MOST_NAMES);
    if (listed.length > 0) hints.push(`There are tables of similar names: ${listed.join(', ')}.`);
    if (described) hints.push(`If they are meant, describe them: ${described.options}.`);
    else if (listed.length > 0) hints.push('The option tables describes tables of other names.');
    return hints.map((hint) => ` ${hint}`).join('');
  } catch {
    return '';
  }
}

const pathOf = ({ schema, name }: SimilarTable) => `${schema}.${name}`;
