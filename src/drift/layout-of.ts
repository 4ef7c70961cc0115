import type { Layout } from '../host/layout.js';
import { readInstalledHost } from '../host/read-host.js';
import type { Database } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';
import { withConnection } from '../postgres/transaction.js';
import type { ParsedFilter } from './options.js';

/** Where the tables are and how they are described; those of the usual names where nothing is installed. */
export async function readLayout(db: Database, { schema, librarySchema }: ParsedFilter): Promise<Layout> {
  try {
    const read = await withConnection(db, (connection) => readInstalledHost(connection, { schema, librarySchema }));
    return read.layout;
  } catch (error) {
    throw translateError(error);
  }
}
