import { NotInstalledError } from '../errors.js';
import type { Layout } from '../host/layout.js';
import type { Queryable } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';
import { inspectWith } from './inspect-triggers.js';

/**
 * An error of a statement on the host's tables. Where a table, column or schema is missing, the catalog tells which, in the
 * words of `installTriggers`; in a transaction that the error has aborted it cannot be asked.
 */
export async function explainMissing(db: Queryable, layout: Layout, error: unknown): Promise<unknown> {
  const translated = translateError(error);
  if (!(translated instanceof NotInstalledError) || translated.missing.length > 0) return translated;
  try {
    // The options that ask least of the tables.
    const { schema, librarySchema } = layout;
    await inspectWith(db, { schema, librarySchema, counterWrites: 'allow', enforceLimits: false });
  } catch (reason) {
    if (reason instanceof NotInstalledError) {
      const { sqlState } = translated;
      return new NotInstalledError(reason.message, reason.missing, { sqlState, cause: error });
    }
  }
  return translated;
}
