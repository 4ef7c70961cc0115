import hostSql from '../../sql/installation/host.sql';
import { NewerInstallationError, ValidationError } from '../errors.js';
import { rowsOf } from '../postgres/answers.js';
import type { Queryable } from '../postgres/database.js';
import { renderSqlText } from '../postgres/sql-text.js';
import { type Asked, askedVariables } from './asked.js';
import type { HostCatalog } from './catalog.js';
import { withoutMissingColumns } from './effective.js';
import { asInstalled, fromStoredText, SQL_REVISION } from './installation.js';
import type { Layout } from './layout.js';
import { describeHost } from './options.js';
import { withRules } from './rules.js';
import { typesOf } from './types.js';

/** An installation and its host, as the catalogs have them at this moment. */
export interface InstalledHost {
  layout: Layout;
  catalog: HostCatalog;
  /** The isolation that a statement of its own would run in. */
  isolation: string;
  encoding: string;
  /** Whether the functions are installed. */
  canRedeem: boolean;
  /** Whether the role may read campaigns; `null` where there are no tables of them. */
  readsCampaigns: boolean | null;
  /** Whether what archived uses count has to be read; `null` where there is no table of it. */
  readsCarried: boolean | null;
}

const statement = withRules(hostSql);

/**
 * Reads in one statement, which cannot fail inside the host's transaction, where the tables are and how they are described.
 *
 * @throws ValidationError where several installations may be meant.
 * @throws NewerInstallationError where the installation is one that this version cannot use.
 */
export async function readInstalledHost(db: Queryable, asked: Asked): Promise<InstalledHost> {
  const rows = rowsOf(await db.query(renderSqlText(statement, askedVariables(asked))), db, 'pool');
  const found = JSON.parse(String(rows[0]?.host));
  requireOne(found.schemaName, found.installations ?? []);
  const stored = fromStoredText(found.stored);
  if (stored && stored.usableFrom > SQL_REVISION) throw new NewerInstallationError(stored.revision, SQL_REVISION);
  const tables: HostCatalog['tables'] = found.tables ?? {};
  const catalog = { hasSchema: found.hasSchema, timeZone: '', tables };
  const described = stored ? asInstalled(stored.description) : describeHost(found.schemaName, asked);
  const description = withoutMissingColumns(described, catalog);
  return {
    layout: { ...description, librarySchema: found.librarySchema, types: typesOf(description, catalog) },
    catalog,
    isolation: found.isolation,
    encoding: found.encoding,
    canRedeem: found.canRedeem,
    readsCampaigns: found.readsCampaigns,
    readsCarried: found.readsCarried,
  };
}

/** @throws ValidationError where several installations may be meant. */
export function requireOne(schema: string, installations: readonly string[]): void {
  if (installations.length < 2) return;
  const message =
    `must be given, because tables of the schema ${schema} have several installations: ` +
    `${installations.map((name) => `'${name}'`).join(', ')}`;
  throw new ValidationError([{ path: 'librarySchema', message }]);
}
