import type { Queryable } from '../postgres/database.js';
import { quoteLiteral } from '../postgres/identifiers.js';

/** Looks, once something is missing already, for what the host may have meant. Reads system catalogs only. */
const LOOK_AROUND = `
  WITH tables AS (
    SELECT n.nspname AS schema, c.relname AS name
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
       AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  )
  SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = $SCHEMA)::text AS has_schema,
         (SELECT pg_catalog.string_agg(x.schema, ', ' ORDER BY x.schema)
            FROM (SELECT t.schema FROM tables AS t WHERE t.name IN ('promo_codes', 'promo_code_uses') AND t.schema <> $SCHEMA
                   GROUP BY t.schema HAVING count(*) = 2 ORDER BY t.schema LIMIT 10) AS x) AS schemas,
         (SELECT pg_catalog.string_agg(x.path, ', ' ORDER BY x.path)
            FROM (SELECT t.schema || '.' || t.name AS path FROM tables AS t
                   WHERE t.name ~* '(promo|coupon|voucher|discount)'
                     AND t.name NOT IN ('promo_codes', 'promo_code_uses', 'promo_code_idempotency_keys', 'promo_code_holds',
                                        'promo_code_rate_limits')
                   ORDER BY t.schema <> $SCHEMA, t.schema, t.name LIMIT 10) AS x) AS similar`;

/**
 * A sentence or two for the message about missing tables: that there is no such schema, where such tables are, and tables of
 * similar names. Empty where there is nothing to say, or where the connection cannot be asked any more.
 */
export async function hintForMissingTables(db: Queryable, schema: string): Promise<string> {
  try {
    const { rows } = await db.query(LOOK_AROUND.replaceAll('$SCHEMA', () => quoteLiteral(schema)));
    const { has_schema: hasSchema, schemas, similar } = rows[0] ?? {};
    const hints: string[] = [];
    if (hasSchema === 'false') hints.push(`There is no schema ${schema}.`);
    if (typeof schemas === 'string') hints.push(`Tables of these names are in: ${schemas} (option schema).`);
    if (typeof similar === 'string')
      hints.push(
        `There are tables of similar names: ${similar}. The two must be called promo_codes and promo_code_uses.`,
      );
    return hints.map((hint) => ` ${hint}`).join('');
  } catch {
    return '';
  }
}
