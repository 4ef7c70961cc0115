import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expandNames } from './names';
import { changeUrl, type UrlChanges } from './urls';

const RELEASE_LIMIT_MS = 2_000;
const TERMINATE_LIMIT_MS = 5_000;
const GRACE_MS = 500;

type Row = pg.QueryResultRow;

/** Connections to one database of the server, with everything opened through it closed at the end. */
export interface Connections {
  /** For the code under test and for concurrency: up to 20 connections. */
  readonly pool: pg.Pool;
  /** A connection string of this database; its application_name marks the connections as this file's. */
  readonly url: string;
  /** `:"schema"` in a text becomes the quoted schema, `:'schema'` the same as a literal. */
  expand(text: string): string;
  /** Runs a query on the pool, with names expanded. */
  sql<R extends Row = Row>(text: string, values?: unknown[]): Promise<pg.QueryResult<R>>;
  /** One more pool, ended at the end of the file; with other settings, or as another user, if asked. */
  poolWith(config?: pg.PoolConfig, changes?: UrlChanges): pg.Pool;
  /** A fresh connection of its own, connected, closed at the end of the file; as another user if asked. */
  client(changes?: UrlChanges): Promise<pg.Client>;
}

export interface OwnedConnections extends Connections {
  /** Closes everything; throws when the code under test has kept connections of the pool. */
  close(admin: pg.Client): Promise<void>;
}

export function openConnections(url: string, tag: string, names: Readonly<Record<string, string>>): OwnedConnections {
  const tagged = changeUrl(url, { applicationName: tag });
  const clients: pg.Client[] = [];
  const pools: pg.Pool[] = [];
  const lent = new Set<pg.PoolClient>();
  const pool = new pg.Pool({ connectionString: tagged, max: 20 });
  // Tests end backends on purpose; an idle connection that dies of it is no fault of the code under test.
  pool.on('error', () => {});
  pool.on('acquire', (client) => lent.add(client));
  pool.on('release', (_error, client) => lent.delete(client as pg.PoolClient));
  pool.on('remove', (client) => lent.delete(client));
  const expand = (text: string): string => expandNames(text, names);

  return {
    pool,
    url: tagged,
    expand,
    sql: (text, values) => pool.query(expand(text), values),
    poolWith(config = {}, changes = {}) {
      const more = new pg.Pool({ ...config, connectionString: changeUrl(tagged, changes) });
      more.on('error', () => {});
      pools.push(more);
      return more;
    },
    async client(changes = {}) {
      const client = new pg.Client({ connectionString: changeUrl(tagged, changes) });
      client.on('error', () => {});
      clients.push(client);
      await client.connect();
      return client;
    },
    async close(admin) {
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
      await Promise.all(pools.map((more) => more.end()));
      const kept = await takeBack(lent);
      await pool.end();
      // A backend whose client has gone ends by itself, and one that is ended before would tell a pool that nobody listens to
      // any more. One that still waits for a lock does not notice, and would block the cleaning.
      const began = Date.now();
      while (Date.now() < began + TERMINATE_LIMIT_MS) {
        const what = Date.now() < began + GRACE_MS ? 'pid' : 'pg_terminate_backend(pid)';
        const { rowCount } = await admin.query(
          `select ${what} from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid()`,
          [tag],
        );
        if (rowCount === 0) break;
        await sleep(2);
      }
      if (kept > 0) throw new Error(`${kept} connections of the pool were never released`);
    },
  };
}

/** Waits a moment for queries in flight, then takes the connections back by force and says how many there were. */
async function takeBack(lent: Set<pg.PoolClient>): Promise<number> {
  const limit = Date.now() + RELEASE_LIMIT_MS;
  while (lent.size > 0 && Date.now() < limit) await sleep(10);
  const kept = [...lent];
  for (const client of kept) {
    client.on('error', () => {});
    client.release(true);
  }
  return kept.length;
}

/** Lends a superuser's connection for setting up and cleaning. */
export async function withAdmin<T>(url: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}
