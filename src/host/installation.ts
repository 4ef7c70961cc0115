import { type CodeColumn, EXTRA_COLUMNS, type HostDescription, snakeCase } from './description.js';

/** Rises with every change to an installed function; the first line of each body carries it. */
export const SQL_REVISION = 2;

/** The oldest revision that can use what this one installs. */
const USABLE_FROM = 2;

/** How an installation counts, and for whom it is. */
export interface InstallationOptions {
  granularity: 'auto' | 'statement' | 'row';
  counterWrites: 'allow' | 'ignore' | 'reject';
  enforceLimits: boolean;
  /** Whether triggers record what happens to uses. */
  history: boolean;
  /** Roles that may redeem beside the owner of the tables, sorted. */
  grantTo: string[];
}

/** What an installation stores of itself, in the body of a function. */
export interface StoredInstallation {
  revision: number;
  usableFrom: number;
  description: HostDescription;
  options: InstallationOptions;
}

/**
 * As it stands between dollar quotes: pure ASCII, in one line, without a dollar sign, whatever a name holds.
 */
export function toStoredText(description: HostDescription, options: InstallationOptions): string {
  const stored: StoredInstallation = { revision: SQL_REVISION, usableFrom: USABLE_FROM, description, options };
  return JSON.stringify(stored).replace(
    /[^\x20-\x23\x25-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** What is installed: a role that is not stored has no column as far as the installed functions know. */
export function asInstalled(description: HostDescription): HostDescription {
  return withExtraColumns(description, () => null);
}

/** What is to be installed: the column of a role that is not stored may be there by now. */
export function asFound(description: HostDescription): HostDescription {
  return withExtraColumns(description, snakeCase);
}

/** The roles of columns that were not there when it was installed. */
export function notStored({ description }: StoredInstallation): CodeColumn[] {
  return EXTRA_COLUMNS.filter((role) => description.codes.columns[role] === undefined);
}

function withExtraColumns(
  description: HostDescription,
  columnOf: (role: CodeColumn) => string | null,
): HostDescription {
  const columns = { ...description.codes.columns };
  for (const role of EXTRA_COLUMNS) if (columns[role] === undefined) columns[role] = columnOf(role);
  return { ...description, codes: { ...description.codes, columns } };
}

/** A name as it stands between dollar quotes. `sql/rules/installed_place.sql` reads it. */
export function toStoredName(name: string): string {
  return name.replaceAll('\\', '\\b').replaceAll('$', '\\d');
}

/** `undefined` for what is no installation, such as a function of somebody else's. */
export function fromStoredText(text: string | null): StoredInstallation | undefined {
  if (text === null) return undefined;
  try {
    const found: StoredInstallation = JSON.parse(text);
    const isWhole = found.description.codes.columns && found.description.uses.columns && found.options.counterWrites;
    return isWhole ? found : undefined;
  } catch {
    return undefined;
  }
}
