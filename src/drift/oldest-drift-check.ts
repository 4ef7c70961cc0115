import oldestCheckSql from '../../sql/counting/oldest-check.sql';
import type { Layout } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { explainMissing } from '../inspect/explain-missing.js';
import { optionsOf, parseArguments, type SchemaOption, schemaEntries } from '../options.js';
import type { Database } from '../postgres/database.js';
import { withConnection } from '../postgres/transaction.js';
import { toDate } from '../redemption/promo-code-use.js';
import { readCompared } from './layout-of.js';

/**
 * How old the oldest comparison of `scrubDrift` is: of every code and campaign is known that it was compared at this moment or
 * later. `null` until all of them have been. For a gauge; it reads a few rows and takes no lock.
 *
 * @example
 * const oldest = await oldestDriftCheck(pool);
 * gauge.set(oldest === null ? Number.POSITIVE_INFINITY : (Date.now() - oldest.getTime()) / 1_000);
 * @throws NotInstalledError where the table that `scrubDrift` remembers in does not exist.
 */
export async function oldestDriftCheck(db: Database, options?: SchemaOption): Promise<Date | null> {
  const installation = parseArguments(db, optionsOf(schemaEntries), options ?? {}, 'oldestDriftCheck()');
  const { layout } = await readCompared(db, installation);
  try {
    return await readOldestCheck(db, layout);
  } catch (error) {
    throw await explainMissing(db, layout, error);
  }
}

export async function readOldestCheck(db: Database, layout: Layout): Promise<Date | null> {
  const statement = renderSqlFile(oldestCheckSql, layout);
  const { rows } = await withConnection(db, (connection) => connection.query(statement));
  const oldest: unknown = rows[0]?.oldest;
  return oldest === null || oldest === undefined ? null : toDate(String(oldest));
}
