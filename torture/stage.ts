import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { defaultLibrarySchema } from '../src/host/library-schema.js';
import { changeHost, changeUrl } from '../tests/support/urls.js';
import { Cluster } from './server/cluster.js';
import { makeGuardedFolder } from './server/folder.js';
import { ROLE, type Settings } from './settings.js';

/** Where a campaign takes place: a server of its own, or a schema of one that was there. */
export interface Stage {
  /** For people. */
  readonly description: string;
  readonly cluster: Cluster | undefined;
  readonly schema: string;
  readonly applicationName: string;
  /** For logs and programs; it goes with the stage. */
  readonly folder: string;
  /** Where the proxy leads to. */
  readonly host: string;
  readonly port: number;
  /** Past the proxy: whoever may do most, and the owner of the host's tables. */
  adminUrl(): string;
  ownerUrl(): string;
  /** Through the proxy on this port. */
  clientUrl(port: number): string;
  /** Removes everything. A second call waits for the first. */
  close(): Promise<void>;
}

export async function openStage({ url }: Pick<Settings, 'url'>): Promise<Stage> {
  const name = `torture_${randomBytes(4).toString('hex')}`;
  return url === undefined ? openOwn(name) : openGiven(url, name);
}

async function openOwn(applicationName: string): Promise<Stage> {
  const cluster = await Cluster.start();
  try {
    const schema = 'torture';
    const version = await query(cluster.url, [
      `CREATE ROLE ${ROLE} LOGIN`,
      `CREATE SCHEMA ${schema} AUTHORIZATION ${ROLE}`,
      // Installing creates the schema of the library.
      `GRANT CREATE ON DATABASE ${pg.escapeIdentifier(databaseOf(cluster.url))} TO ${ROLE}`,
    ]);
    const asOwner = () => changeUrl(cluster.url, { user: ROLE });
    return {
      description: `PostgreSQL ${version}, its own, with a synchronous standby`,
      cluster,
      schema,
      applicationName,
      folder: logFolder(cluster.folder.path),
      host: '127.0.0.1',
      port: cluster.port,
      adminUrl: () => cluster.url,
      ownerUrl: asOwner,
      clientUrl: (port) => changeHost(changeUrl(asOwner(), { applicationName }), '127.0.0.1', port),
      close: () => cluster.close(),
    };
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

async function openGiven(url: string, name: string): Promise<Stage> {
  const folder = makeGuardedFolder({}, { url, schemas: [name, defaultLibrarySchema(name)], applicationName: name });
  try {
    const version = await query(url, [`CREATE SCHEMA ${name}`]);
    const { hostname, port } = new URL(url);
    return {
      description: `PostgreSQL ${version} at ${hostname}, in a schema of its own`,
      cluster: undefined,
      schema: name,
      applicationName: name,
      folder: logFolder(folder.path),
      host: hostname,
      port: Number(port || 5432),
      adminUrl: () => url,
      ownerUrl: () => url,
      clientUrl: (proxyPort) => changeHost(changeUrl(url, { applicationName: name }), '127.0.0.1', proxyPort),
      close: () => folder.remove(),
    };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

function databaseOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

function logFolder(parent: string): string {
  const folder = path.join(parent, 'logs');
  fs.mkdirSync(folder);
  return folder;
}

/** Runs statements and gives the version of the server. */
async function query(url: string, statements: readonly string[]): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
    const { rows } = await client.query<{ version: string }>(`SELECT current_setting('server_version') AS version`);
    return rows[0]!.version.split(' ')[0]!;
  } finally {
    await client.end();
  }
}
