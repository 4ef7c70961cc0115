import hostSql from '../../sql/host.sql';
import { NotInstalledError } from '../errors.js';
import type { Queryable } from '../postgres/database.js';
import { renderSqlText } from '../postgres/sql-text.js';
import { hintForMissingTables } from './missing-tables.js';

/** What is known of the host's tables: read once by each repository, and again after it was not as needed. */
export interface Host {
  /** The isolation that a statement of its own would run in. */
  isolation: string;
  /** The type of a column, as `format_type` writes it: `numeric(18,2)`, `character varying(42)`. */
  typeOf(table: 'promo_codes' | 'promo_code_uses', column: string): string;
}

const NEEDED = {
  promo_codes: [
    ...[
      'id',
      'code',
      'shop_id',
      'name',
      'description',
      'bonus_type',
      'bonus_value',
      'max_bonus',
      'start_date',
      'end_date',
    ],
    ...[
      'total_usage_limit',
      'per_customer_limit',
      'times_used',
      'total_bonus_issued',
      'is_active',
      'created_at',
      'updated_at',
    ],
  ],
  promo_code_uses: [
    ...['id', 'promo_code_id', 'customer_address', 'shop_id', 'transaction_id', 'base_reward', 'bonus_amount'],
    ...['total_reward', 'used_at'],
  ],
};

/** @throws NotInstalledError where tables, columns or the functions are missing. */
export async function readHost(db: Queryable, schema: string): Promise<Host> {
  const { rows } = await db.query(renderSqlText(hostSql, { schema }));
  const found = JSON.parse(String(rows[0]?.host));
  const columns: Record<string, string> = found.columns ?? {};
  const missing = Object.entries(NEEDED).flatMap(([table, names]) =>
    names.filter((name) => !(`${table}.${name}` in columns)).map((name) => `${schema}.${table}.${name}`),
  );
  if (Object.keys(columns).length === 0)
    missing.splice(0, missing.length, `${schema}.promo_codes`, `${schema}.promo_code_uses`);
  if (missing.length > 0) {
    const hint = Object.keys(columns).length === 0 ? await hintForMissingTables(db, schema) : '';
    throw new NotInstalledError(
      `The tables are not as the repository needs them; missing: ${missing.join(', ')}. installSchema() creates what is missing.${hint}`,
      missing,
    );
  }
  if (!found.canRedeem) {
    throw new NotInstalledError(
      `The functions of pg-promo-codes are not installed in schema ${schema}. Call installTriggers() once, as the owner of the tables.`,
      [`${schema}.redeem_promo_codes`],
    );
  }
  return { isolation: found.isolation, typeOf: (table, column) => columns[`${table}.${column}`] ?? '' };
}

/** The digits that a numeric column holds before and after the point; without a limit for plain `numeric`. */
export function widthOf(type: string): { whole: number; scale: number } | undefined {
  const [, precision, scale] = /^numeric\((\d+),(-?\d+)\)$/.exec(type) ?? [];
  if (precision !== undefined) return { whole: Number(precision) - Number(scale), scale: Number(scale) };
  const digits = { smallint: 4, integer: 9, bigint: 18 }[type];
  return digits === undefined ? undefined : { whole: digits, scale: 0 };
}

/** How many characters a text column holds, where it is limited. */
export function lengthOf(type: string): number | undefined {
  const [, length] = /^character(?: varying)?\((\d+)\)$/.exec(type) ?? [];
  return length === undefined ? undefined : Number(length);
}
