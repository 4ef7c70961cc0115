import { type InstalledHost, readInstalledHost } from '../host/read-host.js';
import type { Database } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';
import { withConnection } from '../postgres/transaction.js';
import type { ParsedFilter } from './options.js';

/** What is compared: the tables, the campaigns where there are any and the role may read them, and what is carried forward. */
export type Compared = Pick<InstalledHost, 'layout' | 'readsCampaigns' | 'readsCarried'>;

/** Where the tables are and how they are described; those of the usual names where nothing is installed. */
export async function readCompared(db: Database, { schema, librarySchema }: ParsedFilter): Promise<Compared> {
  try {
    return await withConnection(db, (connection) => readInstalledHost(connection, { schema, librarySchema }));
  } catch (error) {
    throw translateError(error);
  }
}
