import { createRequire } from 'node:module';
import path from 'node:path';
import type pg from 'pg';
import { type CancellableClient, cancelStatement } from '../postgres/cancel.js';
import { withLimit } from '../postgres/lease.js';
import { translateError } from '../postgres/server-errors.js';
import { describeTarget, targetOf } from '../postgres/target.js';
import { CommandError, EXIT } from './command-error.js';

const CONNECT_LIMIT_MS = 10_000;
/** Enough for a command and for the library's questions beside it. */
const MOST_CONNECTIONS = 4;
/** A connection that says nothing at its end is not waited for longer. */
const END_LIMIT_MS = 1_000;

/** The connections of a command. */
export interface Connection {
  pool: pg.Pool;
  /** Where it leads, without user and password: `localhost:5432, database shop`. */
  target: string;
  /** Ends all connections; statements that are under way are cancelled. */
  close(): Promise<void>;
}

/**
 * Connects, so that what is wrong with the address, the user or the database is known before anything else.
 * @param url where it is not given, node-postgres reads the PG* variables
 */
export async function openConnection(url: string | undefined): Promise<Connection> {
  if (url !== undefined) requireConnectionString(url);
  const { Pool } = await loadDriver();
  const pool = new Pool({
    ...(url !== undefined && { connectionString: url }),
    max: MOST_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    keepAlive: true,
    ...({ fallback_application_name: 'pg-promo-codes' } as pg.PoolConfig),
  });
  const lent = new Set<pg.PoolClient>();
  pool.on('acquire', (client) => lent.add(client));
  pool.on('release', (_error, client) => lent.delete(client as pg.PoolClient));
  pool.on('remove', (client) => lent.delete(client));
  // An idle connection that breaks is replaced by the next statement, which says what is wrong.
  pool.on('error', () => undefined);
  try {
    (await pool.connect()).release();
  } catch (error) {
    await pool.end().catch(() => undefined);
    throw translateError(error, { connecting: true, target: targetOf(pool) });
  }
  return {
    pool,
    target: describeTarget(targetOf(pool)),
    async close() {
      // Whoever waits for an answer gets an error, and gives the connection back.
      for (const client of lent) cancelStatement(client as CancellableClient);
      await withLimit(END_LIMIT_MS, pool.end(), () => undefined).catch(() => undefined);
    },
  };
}

/** @throws CommandError for what node-postgres would take for the name of a database */
function requireConnectionString(url: string): void {
  if (url.startsWith('/') || /^socket:/.test(url)) return;
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new CommandError(
      EXIT.usage,
      'The connection string (--url or DATABASE_URL) must begin with postgresql://, as in postgresql://user@localhost:5432/shop.',
    );
  }
  if (!URL.canParse(url)) {
    throw new CommandError(
      EXIT.usage,
      'The connection string (--url or DATABASE_URL) is no URL. Write / ? # @ and other special characters of the password ' +
        'as %2F %3F %23 %40.',
    );
  }
}

/** The driver is an optional peer of the package: that of the project in which the command is run does as well. */
async function loadDriver(): Promise<typeof pg> {
  try {
    const { default: driver } = await import('pg');
    return driver;
  } catch (error) {
    try {
      return createRequire(path.join(process.cwd(), 'any.js'))('pg') as typeof pg;
    } catch {
      throw new CommandError(
        EXIT.noConnection,
        'The package pg, which connects to PostgreSQL, is not installed here. Run `npm install pg`, or without a project ' +
          '`npx -p pg -p pg-promo-codes pg-promo-codes`.',
        error,
      );
    }
  }
}
