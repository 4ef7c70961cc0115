import hostSql from '../../sql/host.sql';
import { NotInstalledError } from '../errors.js';
import type { Queryable } from '../postgres/database.js';
import { renderSqlText } from '../postgres/sql-text.js';

/** The host's two tables. */
export type HostTable = 'promo_codes' | 'promo_code_uses';

/** A column of the host. */
export interface HostColumn {
  /** As `format_type` writes it, that under a domain: `numeric(18,2)`, `character varying(42)`. */
  type: string;
  notNull: boolean;
  /** Whether it gets a value where none is written: a default, an identity, the default of its domain. */
  hasDefault: boolean;
  /** Whether nobody may write it. */
  isGenerated: boolean;
}

/** What is known of the host's tables: read once by each repository, and again after it was not as needed. */
export interface Host {
  /** The isolation that a statement of its own would run in. */
  isolation: string;
  /** The type of a column. */
  typeOf(table: HostTable, column: string): string;
  /** All columns of a table, by name. */
  columnsOf(table: HostTable): ReadonlyMap<string, HostColumn>;
  /** Whether a trigger of the host may fill columns that are not written. */
  isFilledByTriggers(table: HostTable): boolean;
}

/** What the repository itself reads and writes; everything else is the host's. */
export const NEEDED: Record<HostTable, string[]> = {
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
  const columns: Record<string, HostColumn> = found.columns ?? {};
  const missing = Object.entries(NEEDED).flatMap(([table, names]) =>
    names.filter((name) => !(`${table}.${name}` in columns)).map((name) => `${schema}.${table}.${name}`),
  );
  if (Object.keys(columns).length === 0)
    missing.splice(0, missing.length, `${schema}.promo_codes`, `${schema}.promo_code_uses`);
  if (missing.length > 0) {
    throw new NotInstalledError(
      `The tables are not as the repository needs them; missing: ${missing.join(', ')}. installSchema() creates what is missing.`,
      missing,
    );
  }
  if (!found.canRedeem) {
    throw new NotInstalledError(
      `The functions of pg-promo-codes are not installed in schema ${schema}. Call installTriggers() once, as the owner of the tables.`,
      [`${schema}.redeem_promo_codes`],
    );
  }
  const columnsOf = (table: HostTable) =>
    new Map(
      Object.entries(columns)
        .filter(([name]) => name.startsWith(`${table}.`))
        .map(([name, column]) => [name.slice(table.length + 1), column]),
    );
  const tables = { promo_codes: columnsOf('promo_codes'), promo_code_uses: columnsOf('promo_code_uses') };
  return {
    isolation: found.isolation,
    typeOf: (table, column) => tables[table].get(column)?.type ?? '',
    columnsOf: (table) => tables[table],
    isFilledByTriggers: (table) => (found.filledByTriggers ?? []).includes(table),
  };
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
