import pg from 'pg';
import { startContainer } from './container';
import { startEmbedded } from './embedded';
import { chosenMajor, type Server, type ServerOptions, type StartedServer } from './options';

export type { Server, ServerOptions } from './options';

type Lane = 'url' | 'container' | 'embedded';

/**
 * Gives a PostgreSQL server to tests, demo and bench. In this order: the one at `TEST_DATABASE_URL`, a container where
 * a Docker engine answers and has or can get the image, or binaries from npm in a temporary folder.
 * `TEST_POSTGRES=url|container|embedded` forces one of them, `TEST_POSTGRES_VERSION` picks the major version.
 * @throws Error that says what is missing, when no server can be had.
 */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const forced = forcedLane();
  const started = await startLane(forced, options);
  try {
    const version = await askVersion(started.url);
    if (started.exact && !version.startsWith(`${chosenMajor(options)}.`)) {
      throw new Error(`Asked for PostgreSQL ${chosenMajor(options)} and got ${version}`);
    }
    return {
      url: started.url,
      version,
      description: `PostgreSQL ${version} (${started.origin})`,
      shared: started.shared,
      stop: onlyOnce(started.stop),
    };
  } catch (error) {
    await started.stop();
    throw error;
  }
}

function forcedLane(): Lane | undefined {
  const value = process.env.TEST_POSTGRES;
  if (!value) return undefined;
  if (value === 'url' || value === 'container' || value === 'embedded') return value;
  throw new Error(`TEST_POSTGRES must be url, container or embedded, not ${value}`);
}

async function startLane(forced: Lane | undefined, options: ServerOptions): Promise<StartedServer> {
  const url = process.env.TEST_DATABASE_URL;
  if (forced === 'url' || (forced === undefined && url)) {
    if (!url) throw new Error('TEST_POSTGRES=url needs TEST_DATABASE_URL');
    return { url, origin: 'TEST_DATABASE_URL', shared: true, exact: false, stop: async () => {} };
  }
  if (forced !== 'embedded') {
    const container = await startContainer(options);
    if ('url' in container) return container;
    if (forced === 'container') throw new Error(`TEST_POSTGRES=container is not possible: ${container.missing}`);
    // Most machines without an engine are simply without one; only a half-working engine is worth a line.
    if (container.worthSaying) process.stderr.write(`No container (${container.missing}); using binaries from npm.\n`);
  }
  return startEmbedded(options);
}

async function askVersion(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
    // Debian's builds add their package version after a space.
    return rows[0]!.version.split(' ')[0]!;
  } finally {
    await client.end();
  }
}

function onlyOnce(stop: () => Promise<void>): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= stop();
    return stopped;
  };
}
