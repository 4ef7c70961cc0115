import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { defaultLibrarySchema } from '../src/host/library-schema.js';
import { startServer } from '../tests/server/start-server.js';
import { changeUrl } from '../tests/support/urls.js';

export interface WorkbenchOptions {
  /** A server that is there already; without it one is started, durable as in production. */
  url?: string | undefined;
  quick: boolean;
}

/** A server to measure on, and everything that has to be given back afterwards. */
export interface Workbench {
  readonly quick: boolean;
  /** The connection string, for processes that bring load. */
  readonly url: string;
  /** The connection for preparations and for everything that one client does. */
  readonly client: pg.Client;
  readonly pool: pg.Pool;
  /** False where this role may not run CHECKPOINT, so that checkpoints happen when the server likes. */
  checkpoints(): boolean;
  /** More connections, which `close` ends. */
  connect(count: number): Promise<pg.Client[]>;
  /** An empty schema; one that an earlier call made under this label is dropped, with that of the library. Gives its name. */
  freshSchema(label: string): Promise<string>;
  /** Takes from the next round what the last one left behind: dead rows, missing statistics, unwritten pages. */
  settle(schema: string): Promise<void>;
  progress(text: string): void;
  /** Stops the server, or drops the schemas on one that was there. A second call waits for the first. */
  close(): Promise<void>;
}

const INSUFFICIENT_PRIVILEGE = '42501';

export async function openWorkbench({ url: given, quick }: WorkbenchOptions): Promise<Workbench> {
  const server = given === undefined ? await startServer({ durable: true }) : undefined;
  const tag = `bench_promo_codes_${randomBytes(4).toString('hex')}`;
  const url = changeUrl(given ?? server!.url, { applicationName: tag });
  const schemas = new Set<string>();
  const clients: pg.Client[] = [];
  let mayCheckpoint = true;

  const connect = async (count: number) => {
    const opened = Array.from({ length: count }, () => new pg.Client({ connectionString: url }));
    // An interrupted run ends its own sessions on the server, and they need not complain about it.
    for (const client of opened) client.on('error', () => {});
    clients.push(...opened);
    await Promise.all(opened.map((client) => client.connect()));
    return opened;
  };
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {});

  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= giveBack();
    return closed;
  };
  const giveBack = async () => {
    if (given !== undefined) await dropSchemas(given, tag, schemas);
    await Promise.allSettled([pool.end(), ...clients.map((client) => client.end())]);
    await server?.stop();
  };

  try {
    const [client] = (await connect(1)) as [pg.Client];
    return {
      quick,
      url,
      client,
      pool,
      connect,
      close,
      checkpoints: () => mayCheckpoint,
      progress: (text) => process.stderr.write(`${text}\n`),
      async freshSchema(label) {
        const schema = `${tag}_${label}`;
        const library = defaultLibrarySchema(schema);
        schemas.add(schema).add(library);
        await client.query(`DROP SCHEMA IF EXISTS ${schema}, ${library} CASCADE; CREATE SCHEMA ${schema}`);
        return schema;
      },
      async settle(schema) {
        await client.query(`VACUUM (ANALYZE) ${schema}.promo_codes, ${schema}.promo_code_uses`);
        if (!mayCheckpoint) return;
        await client.query('CHECKPOINT').catch((error: { code?: string }) => {
          if (error.code !== INSUFFICIENT_PRIVILEGE) throw error;
          mayCheckpoint = false;
        });
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** On a connection of its own and after ending the others, because a run that was interrupted still holds locks. */
async function dropSchemas(url: string, tag: string, schemas: ReadonlySet<string>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [tag]);
    for (const schema of schemas) await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  } finally {
    await client.end();
  }
}
