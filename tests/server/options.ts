/** The major versions of PostgreSQL that the library supports. */
const postgresMajors = [14, 15, 16, 17, 18] as const;
export type PostgresMajor = (typeof postgresMajors)[number];

export interface ServerOptions {
  /** The major version, where the server is ours to choose. Default: `TEST_POSTGRES_VERSION`, else the newest. */
  version?: PostgresMajor;
  /** More settings for postgresql.conf; they win over the ones below. */
  settings?: Record<string, string>;
  /** Keeps fsync and synchronous_commit on, as in production: for figures that shall mean something. */
  durable?: boolean;
}

export interface Server {
  /** A connection string of a superuser. */
  readonly url: string;
  /** As PostgreSQL says it, for example `18.4`. */
  readonly version: string;
  /** For people: which server this is and where it comes from. */
  readonly description: string;
  /** True for a server that was there before us, so that others may have things in it. */
  readonly shared: boolean;
  /** Stops what was started and removes every trace of it. A second call does nothing. */
  stop(): Promise<void>;
}

/** What a lane gives back, before anybody has asked the server which version it is. */
export interface StartedServer {
  readonly url: string;
  readonly origin: string;
  readonly shared: boolean;
  /** True where the major version was ours to choose, so that another one is a mistake. */
  readonly exact: boolean;
  stop(): Promise<void>;
}

export function chosenMajor(options: ServerOptions): PostgresMajor {
  const wanted = options.version ?? Number(process.env.TEST_POSTGRES_VERSION || 18);
  const major = postgresMajors.find((candidate) => candidate === wanted);
  if (major === undefined) throw new Error(`TEST_POSTGRES_VERSION must be one of ${postgresMajors.join(', ')}`);
  return major;
}

export function serverSettings(options: ServerOptions): Record<string, string> {
  const quick = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
  return {
    max_connections: '300',
    shared_buffers: '128MB',
    autovacuum: 'on',
    // Each installation that goes leaves dead rows in the catalogs, which every look at them would read.
    autovacuum_naptime: '10s',
    timezone: 'UTC',
    // For tests of logical replication and of two-phase commit, which are off by default.
    wal_level: 'logical',
    max_wal_senders: '10',
    max_replication_slots: '10',
    max_prepared_transactions: '20',
    ...(options.durable ? {} : quick),
    ...options.settings,
  };
}
