import { NotInstalledError } from '../errors.js';
import type { Asked } from '../host/asked.js';
import type { CatalogColumn } from '../host/catalog.js';
import { checkDescription } from '../host/check-description.js';
import { CODE_COLUMNS, type CodeColumn, type HostTable, USE_COLUMNS, type UseColumn } from '../host/description.js';
import { faultText } from '../host/fault.js';
import type { Layout } from '../host/layout.js';
import { hintForMissingTables } from '../host/missing-tables.js';
import { type InstalledHost, readInstalledHost } from '../host/read-host.js';
import { renderSqlFile } from '../host/render.js';
import type { Queryable } from '../postgres/database.js';
import { canBeWritten } from './encodings.js';

export type { HostTable } from '../host/description.js';

/** What a column is described as. */
export type Role = CodeColumn | UseColumn;

/** What is known of the host's tables: read once by each repository, and again after it was not as needed. */
export interface Host {
  layout: Layout;
  /** The isolation that a statement of its own would run in. */
  isolation: string;
  /** Renders a statement for the tables of this host; what was rendered once is remembered. */
  sql(file: string): string;
  /** The type of a column, as `format_type` writes it: `numeric(18,2)`, `character varying(42)`; empty where there is none. */
  typeOf(table: HostTable, role: Role | ''): string;
  /** The same, of a domain the type below it. */
  baseTypeOf(table: HostTable, role: Role | ''): string;
  /** Whether the host has such a column. */
  has(table: HostTable, role: Role): boolean;
  /** All columns of a table, by name. */
  columnsOf(table: HostTable): ReadonlyMap<string, CatalogColumn>;
  /** The columns that the library itself writes or reads, by name: what they are described as. */
  rolesOf(table: HostTable): ReadonlyMap<string, Role>;
  /** Whether a trigger of the host may fill columns that are not written. */
  isFilledByTriggers(table: HostTable): boolean;
  /** Whether statements may look up which campaign a code is in. */
  readsCampaigns: boolean;
  /** Whether statements may read what archived uses count. */
  readsCarried: boolean;
  /** Whether the encoding of the database has all characters of these texts: what has others is in no column. */
  canWrite(...texts: string[]): boolean;
}

/** More statements are not remembered. */
const MOST_STATEMENTS = 1_000;

/** @throws NotInstalledError where tables, columns or the functions are missing, or a column is of a type that cannot serve. */
export async function readHost(db: Queryable, asked: Asked): Promise<Host> {
  const installed = await readInstalledHost(db, asked);
  await requireRedeemable(db, installed);
  // Where the table is missing, a statement that looks there says so, and what to do.
  const { readsCampaigns, readsCarried } = installed;
  return { ...hostOf(installed), readsCampaigns: readsCampaigns !== false, readsCarried: readsCarried !== false };
}

/** The tables of a host as they are, whether or not codes can be redeemed with them. */
export function hostOf({ layout, catalog, isolation, encoding, readsCampaigns, readsCarried }: InstalledHost): Host {
  const columnsOf = (table: HostTable) =>
    new Map(catalog.tables[table]?.columns.map((column) => [column.name, column]));
  const columns = { codes: columnsOf('codes'), uses: columnsOf('uses') };
  const columnOf = (table: HostTable, role: Role | '') => {
    const described: Partial<Record<string, string | null>> = layout[table].columns;
    return columns[table].get(described[role] ?? '');
  };
  const roles = {
    codes: new Map(
      CODE_COLUMNS.flatMap((role) => (layout.codes.columns[role] ? [[layout.codes.columns[role], role]] : [])),
    ),
    uses: new Map(
      USE_COLUMNS.flatMap((role) => (layout.uses.columns[role] ? [[layout.uses.columns[role], role]] : [])),
    ),
  };
  const rendered = new Map<string, string>();
  return {
    layout,
    isolation,
    sql(file) {
      const known = rendered.get(file);
      if (known !== undefined) return known;
      const statement = renderSqlFile(file, layout);
      if (rendered.size >= MOST_STATEMENTS) rendered.clear();
      rendered.set(file, statement);
      return statement;
    },
    typeOf: (table, role) => columnOf(table, role)?.type ?? '',
    baseTypeOf: (table, role) => columnOf(table, role)?.width ?? '',
    has: (table, role) => columnOf(table, role) !== undefined,
    columnsOf: (table) => columns[table],
    rolesOf: (table) => roles[table] as ReadonlyMap<string, Role>,
    isFilledByTriggers: (table) => catalog.tables[table]?.filledByTriggers ?? false,
    readsCampaigns: readsCampaigns === true,
    readsCarried: readsCarried === true,
    canWrite: encoding === 'UTF8' ? () => true : (...texts) => texts.every((text) => canBeWritten(text, encoding)),
  };
}

/** Reported at the first call, and not by the server when something is redeemed. */
async function requireRedeemable(db: Queryable, { layout, catalog, canRedeem }: InstalledHost): Promise<void> {
  const checked = checkDescription(layout, catalog, {
    counterWrites: 'allow',
    enforceLimits: false,
    granularity: 'auto',
    history: false,
  });
  const { notRedeemable } = checked;
  // Indexes are not read here: what makes ids unique was checked when the triggers were installed.
  const faults = checked.faults.filter(({ is }) => !is.startsWith('has no unique index'));
  const { schema, librarySchema } = layout;
  const isMissing = !catalog.tables.codes || !catalog.tables.uses;
  if (isMissing || (faults.length > 0 && !canRedeem)) {
    const names = { codes: layout.codes.name, uses: layout.uses.name };
    const hint = isMissing ? await hintForMissingTables(db, schema, names) : '';
    throw new NotInstalledError(
      `The tables are not as the repository needs them: ${faults.map(faultText).join('; ')}. installSchema() creates what ` +
        `is missing.${hint}`,
      [...new Set(faults.map(({ path }) => path))],
    );
  }
  if (!canRedeem && !notRedeemable.some(({ is }) => is.endsWith('which redeeming needs'))) {
    throw new NotInstalledError(
      `The functions of pg-promo-codes are not installed in schema ${librarySchema}. Call installTriggers() once, as the ` +
        'owner of the tables.',
      [`${librarySchema}.redeem_promo_codes`],
    );
  }
  const wrong = [...faults, ...notRedeemable];
  if (wrong.length === 0) return;
  throw new NotInstalledError(
    `The repository cannot redeem with these columns: ${wrong.map(faultText).join('; ')}. The counting triggers work all the ` +
      'same. installSchema() adds columns that are missing.',
    [...new Set(wrong.map(({ path }) => path))],
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
