import hostSql from '../../sql/host.sql';
import { NotInstalledError } from '../errors.js';
import { hintForMissingTables } from '../host/missing-tables.js';
import { rowsOf } from '../postgres/answers.js';
import type { Queryable } from '../postgres/database.js';
import { renderSqlText } from '../postgres/sql-text.js';
import { type IdentityKind, identityKind } from './column-types.js';
import { canBeWritten } from './encodings.js';

/** The host's two tables. */
export type HostTable = 'promo_codes' | 'promo_code_uses';

/** A column of the host. */
interface HostColumn {
  table: HostTable;
  name: string;
  /** As `format_type` writes it: `numeric(18,2)`, `character varying(42)`. */
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
  /** The type of a column, as `format_type` writes it: `numeric(18,2)`, `character varying(42)`. */
  typeOf(table: HostTable, column: string): string;
  /** The same, of a domain the type below it. */
  baseTypeOf(table: HostTable, column: string): string;
  /** All columns of a table, by name. */
  columnsOf(table: HostTable): ReadonlyMap<string, HostColumn>;
  /** Whether a trigger of the host may fill columns that are not written. */
  isFilledByTriggers(table: HostTable): boolean;
  /** Whether the encoding of the database has all characters of these texts: what has others is in no column. */
  canWrite(...texts: string[]): boolean;
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

/** The kinds of types that redeeming can use; what else the library reads or writes takes its values as text. */
const KINDS: [HostTable, string, (IdentityKind | 'time')[]][] = [
  ['promo_codes', 'id', ['whole']],
  ['promo_codes', 'shop_id', ['text', 'whole', 'uuid']],
  ['promo_codes', 'start_date', ['time']],
  ['promo_codes', 'end_date', ['time']],
  ['promo_code_uses', 'id', ['whole']],
  ['promo_code_uses', 'promo_code_id', ['whole']],
  ['promo_code_uses', 'customer_address', ['text', 'whole', 'uuid']],
  ['promo_code_uses', 'shop_id', ['text', 'whole', 'uuid']],
  ['promo_code_uses', 'transaction_id', ['text', 'whole', 'uuid']],
];
const KIND_NAMES = { whole: 'smallint, integer or bigint', text: 'text', uuid: 'uuid', time: 'date or timestamp' };

/** @throws NotInstalledError where tables, columns or the functions are missing, or a column is of a type that cannot serve. */
export async function readHost(db: Queryable, schema: string): Promise<Host> {
  const rows = rowsOf(await db.query(renderSqlText(hostSql, { schema })), db, 'pool');
  const found = JSON.parse(String(rows[0]?.host));
  const columns: HostColumn[] = found.columns ?? [];
  const columnsOf = (table: HostTable) =>
    new Map(columns.filter((column) => column.table === table).map((column) => [column.name, column]));
  const tables = { promo_codes: columnsOf('promo_codes'), promo_code_uses: columnsOf('promo_code_uses') };
  const missing = (['promo_codes', 'promo_code_uses'] as const).flatMap((table) =>
    NEEDED[table].filter((name) => !tables[table].has(name)).map((name) => `${schema}.${table}.${name}`),
  );
  if (columns.length === 0) missing.splice(0, missing.length, `${schema}.promo_codes`, `${schema}.promo_code_uses`);
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
  const typeOf = (table: HostTable, column: string) => tables[table].get(column)?.type ?? '';
  const baseTypeOf = (table: HostTable, column: string) =>
    found.baseTypes?.[`${table}.${column}`] ?? typeOf(table, column);
  requireTypes(schema, baseTypeOf);
  return {
    isolation: found.isolation,
    typeOf,
    baseTypeOf,
    columnsOf: (table) => tables[table],
    isFilledByTriggers: (table) => (found.filledByTriggers ?? []).includes(table),
    canWrite:
      found.encoding === 'UTF8' ? () => true : (...texts) => texts.every((text) => canBeWritten(text, found.encoding)),
  };
}

/** Told at the first call, and not by the server when something is redeemed. */
function requireTypes(schema: string, baseTypeOf: Host['baseTypeOf']): void {
  const kindOf = (table: HostTable, column: string) => {
    const type = baseTypeOf(table, column);
    return type === 'date' || type.startsWith('timestamp') ? 'time' : identityKind(type);
  };
  const wrong = KINDS.flatMap(([table, column, kinds]) => {
    const kind = kindOf(table, column);
    if (kind !== undefined && kinds.includes(kind)) return [];
    const wanted = kinds.map((name) => KIND_NAMES[name]).join(', ');
    return [{ path: `${schema}.${table}.${column}`, rule: `is of type ${baseTypeOf(table, column)}, not ${wanted}` }];
  });
  const ofUse = kindOf('promo_code_uses', 'shop_id');
  if (wrong.length === 0 && ofUse !== 'text' && ofUse !== kindOf('promo_codes', 'shop_id')) {
    const type = baseTypeOf('promo_code_uses', 'shop_id');
    wrong.push({
      path: `${schema}.promo_code_uses.shop_id`,
      rule: `is of type ${type}, and that of promo_codes is not`,
    });
  }
  if (wrong.length === 0) return;
  throw new NotInstalledError(
    `The repository cannot redeem with these columns: ${wrong.map(({ path, rule }) => `${path} ${rule}`).join('; ')}. ` +
      'The counting triggers work all the same.',
    wrong.map(({ path }) => path),
  );
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
