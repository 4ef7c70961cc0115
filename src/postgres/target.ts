import type { Database } from './database.js';

/** Where a connection leads, as far as the driver shows it. */
export interface Target {
  host?: string | undefined;
  port?: string | undefined;
  database?: string | undefined;
  user?: string | undefined;
}

type Settings = Partial<Record<'host' | 'port' | 'database' | 'user' | 'connectionString', unknown>>;

/** Reads where a `pg.Pool` or a `pg.Client` connects to; never the password. */
export function targetOf(db: Database): Target {
  const { options, host, port, database, user } = db as Settings & { options?: Settings };
  const own = { host, port, database, user };
  const given = typeof options === 'object' && options !== null ? options : {};
  const pick = (name: keyof Target, variable: string): string | undefined => {
    const found = [own[name], given[name], partOf(given.connectionString, name), process.env[variable]].find(
      (value) => (typeof value === 'string' && value !== '') || typeof value === 'number',
    );
    return found === undefined ? undefined : String(found);
  };
  return {
    host: pick('host', 'PGHOST'),
    port: pick('port', 'PGPORT'),
    database: pick('database', 'PGDATABASE'),
    user: pick('user', 'PGUSER'),
  };
}

function partOf(connectionString: unknown, name: keyof Target): string | undefined {
  if (typeof connectionString !== 'string' || !URL.canParse(connectionString)) return undefined;
  const { hostname, port, pathname, username, searchParams } = new URL(connectionString);
  const parts = {
    host: hostname || searchParams.get('host') || undefined,
    port,
    database: decode(pathname.slice(1)),
    user: decode(username),
  };
  return parts[name];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `localhost:5432, database shop`, for a message. */
export function describeTarget({ host = 'localhost', port = '5432', database }: Target): string {
  return `${host}:${port}${database === undefined ? '' : `, database ${database}`}`;
}
