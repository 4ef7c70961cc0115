import { quoteIdentifier, quoteLiteral } from '../postgres/identifiers.js';
import {
  CODE_COLUMNS,
  type CodeColumn,
  type HostDescription,
  type HostTable,
  type HostTypes,
  snakeCase,
  USE_COLUMNS,
  type UseColumn,
} from './description.js';

/** Where everything of an installation is: the host's tables as they are described, and the library's own schema. */
export interface Layout extends HostDescription {
  librarySchema: string;
  types: HostTypes;
  /** Roles of codes that are not stored, so that their columns are found once they are there. */
  notThere?: readonly CodeColumn[];
}

/** Roles that both tables have: their placeholders say of which one they are. */
const IN_BOTH: ReadonlySet<string> = new Set(['id', 'shopId']);

/** The name of a column in the files of `sql/`: `times_used`, `code_id`, `use_id`. */
export function placeholderOf(table: HostTable, role: CodeColumn | UseColumn): string {
  const name = snakeCase(role);
  // The customer is that of a use where nothing else is said.
  if (role === 'customerAddress') return table === 'codes' ? `code_${name}` : name;
  return IN_BOTH.has(role) ? `${table === 'codes' ? 'code' : 'use'}_${name}` : name;
}

/** What stands where a column would be read that the host does not have. */
const INSTEAD: Record<string, string> = {
  code_shop_id: "''::text",
  use_shop_id: "''::text",
  code: 'NULL::text',
  name: 'NULL::text',
  description: 'NULL::text',
  bonus_type: 'NULL::text',
  bonus_value: 'NULL::numeric',
  max_bonus: 'NULL::numeric',
  start_date: 'NULL::timestamptz',
  end_date: 'NULL::timestamptz',
  total_usage_limit: 'NULL::integer',
  per_customer_limit: 'NULL::integer',
  max_total_bonus: 'NULL::numeric',
  budget_overrun: 'NULL::text',
  min_base_reward: 'NULL::numeric',
  code_customer_address: 'NULL::text',
  metadata: 'NULL::text',
  times_used: 'NULL::bigint',
  total_bonus_issued: 'NULL::numeric',
  is_active: 'true',
  created_at: 'NULL::timestamptz',
  updated_at: 'NULL::timestamptz',
  use_id: 'NULL::text',
  customer_address: 'NULL::text',
  transaction_id: 'NULL::text',
  base_reward: '0::numeric',
  bonus_amount: '0::numeric',
  used_at: 'NULL::timestamptz',
};

/** The total reward of a host that has no column for it, or whose column computes it. */
function totalOf(columns: ReadonlyMap<string, string | null>, alias: string): string {
  const parts = ['base_reward', 'bonus_amount'].flatMap((name) => columns.get(name) ?? []);
  const sum = parts.map((column) => `${alias}.${quoteIdentifier(column)}::numeric`).join(' + ');
  return parts.length === 0 ? '0::numeric' : `(${sum})`;
}

/** What the files of `sql/` are rendered with. */
export interface Rendering {
  /** `:"name"` and `:'name'`; `null` for a column that the host does not have. */
  names: ReadonlyMap<string, string | null>;
  /** `:name`, as it stands. */
  types: ReadonlyMap<string, string>;
  /** What holds where a file asks for it, besides the columns that are there. */
  conditions: ReadonlySet<string>;
  /** `alias.:"name"` of a column that is read in another type than it has, or not at all. */
  reads(name: string, alias: string): string | undefined;
}

const renderings = new WeakMap<Layout, Rendering>();

/** What one caller renders with beside the names of a layout; most render many files with the same. */
const furtherRenderings = new WeakMap<Rendering, WeakMap<Record<string, string>, Rendering>>();

/**
 * What a host's files are rendered with; made once for each layout, since an installation renders dozens of files.
 * @param further names beside those of the layout; `with_history` is a condition as well
 */
export function renderingOf(layout: Layout, further: Record<string, string> = {}): Rendering {
  const own = renderings.get(layout) ?? newRendering(layout);
  renderings.set(layout, own);
  const known = furtherRenderings.get(own) ?? new WeakMap();
  furtherRenderings.set(own, known);
  const rendering: Rendering = known.get(further) ?? withFurther(own, further);
  known.set(further, rendering);
  return rendering;
}

function withFurther(own: Rendering, further: Record<string, string>): Rendering {
  const more = Object.entries(further);
  if (more.length === 0) return own;
  const conditions = further.with_history === 'on' ? withHistory(own) : own.conditions;
  return { ...own, conditions, names: new Map([...own.names, ...more]) };
}

const conditionsWithHistory = new WeakMap<Rendering, ReadonlySet<string>>();

/** What holds besides where uses have a history. */
function withHistory(rendering: Rendering): ReadonlySet<string> {
  const conditions = conditionsWithHistory.get(rendering) ?? new Set([...rendering.conditions, 'history']);
  conditionsWithHistory.set(rendering, conditions);
  return conditions;
}

function newRendering(layout: Layout): Rendering {
  const { schema, librarySchema, codes, uses, types, timeZone, customerMatching } = layout;
  const { rolledBack } = uses;
  const columns = new Map<string, string | null>([
    ...CODE_COLUMNS.map((role) => [placeholderOf('codes', role), codes.columns[role]] as const),
    ...USE_COLUMNS.map((role) => [placeholderOf('uses', role), uses.columns[role]] as const),
  ]);
  const lowered = (words: string[]) => arrayText(words.map((word) => word.trim().toLowerCase()));
  const names = new Map<string, string | null>([
    ...columns,
    ['schema', schema],
    ['library', librarySchema],
    ['history', `${quoteIdentifier(librarySchema)}.promo_code_history`],
    ['campaign_ids', `${quoteIdentifier(librarySchema)}.promo_code_campaigns_id_seq`],
    ['carried_totals', `${quoteIdentifier(librarySchema)}.promo_code_carried_totals`],
    ['carried_customers', `${quoteIdentifier(librarySchema)}.promo_code_carried_customers`],
    ['codes_name', codes.name],
    ['uses_name', uses.name],
    ['rolled_back', rolledBack?.column ?? null],
    ['counted', arrayText(rolledBack?.counts ?? [])],
    ['taken_back', rolledBack?.value ?? null],
    ['redeemed', rolledBack?.redeemed ?? null],
    ['reserved', rolledBack?.reserved ?? null],
    ['confirmed', rolledBack?.redeemed ?? rolledBack?.counts?.[0] ?? null],
    ['fixed', lowered(codes.bonusTypes.fixed)],
    ['percentage', lowered(codes.bonusTypes.percentage)],
    ['time_zone', timeZone],
    ['stamp_format', `YYYY-MM-DD HH24:MI:SS.US"${timeZone === 'UTC' ? '+00' : ` ${timeZone}`}"`],
  ]);
  const is = (condition: boolean, name: string) => (condition ? [name] : []);
  return {
    names,
    types: new Map([
      ['code_id_type', types.codeId],
      ['use_id_type', types.useId],
      ['rolled_back_type', types.rolledBack ?? 'text'],
    ]),
    conditions: new Set([
      ...[...columns].flatMap(([name, column]) => is(column !== null, name)),
      ...is(rolledBack === null, 'deleted'),
      ...is(rolledBack !== null && rolledBack.counts === undefined, 'rolled_back_at'),
      ...is(rolledBack?.counts !== undefined, 'status'),
      ...is(rolledBack?.redeemed !== undefined, 'redeemed'),
      ...is(rolledBack?.reserved !== undefined, 'reserved'),
      ...is(types.codeId === 'uuid', 'uuid_codes'),
      ...is(types.useId === 'bigint', 'number_uses'),
      ...is(customerMatching === 'folded', 'folded'),
    ]),
    reads(name, alias) {
      if (columns.get(name) === null) return name === 'total_reward' ? totalOf(columns, alias) : INSTEAD[name];
      const cast = types.casts?.[name];
      return cast && `${alias}.${quoteIdentifier(columns.get(name)!)}::${cast}`;
    },
  };
}

/** The name of a table with its schema, quoted. */
export function tableName({ schema, ...layout }: HostDescription, table: HostTable): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(layout[table].name)}`;
}

/** An array of text as a literal has it. */
export function arrayText(words: string[]): string {
  return `{${words.map((word) => `"${word.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`;
}

/** A table of the host as SQL names it, and as a literal. */
export function renderTable(layout: HostDescription, table: HostTable, quote: string): string {
  return quote === '"' ? tableName(layout, table) : quoteLiteral(tableName(layout, table));
}
