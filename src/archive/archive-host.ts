import collationSql from '../../sql/archive/collation.sql';
import roleSql from '../../sql/archive/role.sql';
import { InsufficientPrivilegeError, NotInstalledError, ValidationError } from '../errors.js';
import { columnOf } from '../host/catalog.js';
import { type InstalledHost, readInstalledHost } from '../host/read-host.js';
import { renderSqlFile } from '../host/render.js';
import { withRules } from '../host/rules.js';
import type { SchemaOption } from '../options.js';
import type { Database } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';
import { type Transaction, withConnection } from '../postgres/transaction.js';

/** The installation whose uses are archived. */
export interface ArchiveHost extends InstalledHost {
  /** How far the time of a key may be from that of its use: the column of the latter may hold whole seconds or days only. */
  slack: string;
  /** Renders a file for its tables. */
  sql(file: string, further?: Record<string, string>): string;
}

/** @throws NotInstalledError where nothing is installed that could carry forward what is archived */
export async function readArchiveHost(db: Database, { schema, librarySchema }: SchemaOption): Promise<ArchiveHost> {
  const installed = await withConnection(db, (connection) =>
    readInstalledHost(connection, { schema, librarySchema }),
  ).catch((error: unknown) => {
    throw translateError(error);
  });
  const { layout, catalog } = installed;
  if (installed.readsCarried === null) {
    throw new NotInstalledError(
      `There is nothing in schema ${layout.librarySchema} that could carry forward what archived uses count. Call ` +
        'installTriggers() once, as the owner of the tables.',
      [`${layout.librarySchema}.promo_code_carried_totals`],
    );
  }
  const isExact = /^timestamp with(?:out)? time zone$/.test(columnOf(layout, catalog, 'uses', 'usedAt')?.width ?? '');
  return {
    ...installed,
    slack: isExact ? '0' : '1 day',
    sql: (file, further) => renderSqlFile(withRules(file), layout, further),
  };
}

/** @throws ValidationError for a host whose uses have no time */
export function requireTimes({ layout, catalog }: ArchiveHost): void {
  if (columnOf(layout, catalog, 'uses', 'usedAt') !== undefined) return;
  const message = 'needs a column of the uses that says when they were recorded, and none is described as usedAt';
  throw new ValidationError([{ path: 'before', message }]);
}

const SETTINGS = `
  SELECT set_config('lock_timeout', $1, true), set_config('timezone', $2, true), set_config('row_security', $3, true),
         set_config('pg_promo_codes.archiving', $4, true)`;

/**
 * Runs a piece of a transaction in which uses that are deleted are carried forward. Row-level security that hides rows from this role
 * is an error and not a wrong count; the zone of the host makes its columns without zone comparable.
 * @throws InsufficientPrivilegeError for a role that may not act as the owner of the library
 */
export async function whileArchiving<Result>(
  transaction: Transaction,
  host: ArchiveHost,
  { keepCustomers, lockTimeoutMs }: { keepCustomers: boolean; lockTimeoutMs: number },
  work: () => Promise<Result>,
): Promise<Result> {
  const { rows } = await transaction.query(host.sql(roleSql));
  const [earlier] = rows;
  if (earlier?.owner !== null && earlier?.owner !== undefined) {
    throw new InsufficientPrivilegeError(
      `Uses are archived by ${earlier.owner}, the owner of the library in schema ${host.layout.librarySchema}, or by a role that is ` +
        'a member of it. Nothing was archived.',
    );
  }
  await transaction.query(SETTINGS, [
    `${lockTimeoutMs}ms`,
    host.layout.timeZone,
    'off',
    keepCustomers ? 'customers' : 'totals',
  ]);
  const result = await work();
  await transaction.query(SETTINGS, [earlier?.wait, earlier?.zone, earlier?.security, earlier?.archiving ?? '']);
  return result;
}

/** Customers that are carried are compared as those of the uses are. */
export async function adoptCollation(transaction: Transaction, host: ArchiveHost): Promise<void> {
  if (columnOf(host.layout, host.catalog, 'uses', 'customerAddress') === undefined) return;
  const { rows } = await transaction.query(host.sql(collationSql));
  for (const { statement } of rows) await transaction.query(String(statement));
}
