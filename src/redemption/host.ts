import hostSql from '../../sql/host.sql';
import { NotInstalledError } from '../errors.js';
import type { Queryable } from '../postgres/database.js';
import { renderSqlText } from '../postgres/sql-text.js';
import { type IdentityKind, identityKind } from './column-types.js';
import { canBeWritten } from './encodings.js';

type HostTable = 'promo_codes' | 'promo_code_uses';

/** What is known of the host's tables: read once by each repository, and again after it was not as needed. */
export interface Host {
  /** The isolation that a statement of its own would run in. */
  isolation: string;
  /** The type of a column, as `format_type` writes it: `numeric(18,2)`, `character varying(42)`. */
  typeOf(table: HostTable, column: string): string;
  /** The same, of a domain the type below it. */
  baseTypeOf(table: HostTable, column: string): string;
  /** Whether the encoding of the database has all characters of these texts: what has others is in no column. */
  canWrite(...texts: string[]): boolean;
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
  const { rows } = await db.query(renderSqlText(hostSql, { schema }));
  const found = JSON.parse(String(rows[0]?.host));
  const columns: Record<string, string> = found.columns ?? {};
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
  const typeOf = (table: HostTable, column: string) => columns[`${table}.${column}`] ?? '';
  const baseTypeOf = (table: HostTable, column: string) =>
    found.baseTypes?.[`${table}.${column}`] ?? typeOf(table, column);
  requireTypes(schema, baseTypeOf);
  return {
    isolation: found.isolation,
    typeOf,
    baseTypeOf,
    canWrite: (...texts) => texts.every((text) => canBeWritten(text, found.encoding)),
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
